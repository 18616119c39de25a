"""Routes of /my-tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.capabilities import MANIFEST_VERSION
from core.readiness import all_readiness
from core.remove_tenant import RemovalPorts
from core.sync_requests import SyncRequests
from domain.consent_session import ConsentOutcome, ConsentState
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, TenantId, parse_tenant_id
from domain.partner_tenant import Enabling
from domain.ports.clock import Clock
from domain.ports.credentials import Credentials
from domain.ports.identity import Identity
from domain.ports.msp_store import MspHead
from domain.ports.sync_states import SyncStates
from domain.roles import Permission
from domain.row_changes import Versioned
from domain.sync_state import SyncState
from domain.tenant import Tenant
from edge.answers import Answer
from edge.models import ApiModel, GuidText, NoBody, NoQuery, RequestModel, Timestamp
from edge.readiness_answer import ReadinessAnswer
from edge.requests import StaffRequest
from edge.routes import RouteTable
from edge.tenant_answer import TenantAnswer
from mytenant.disable import disable_partner_tenant
from mytenant.enable import enable_partner_tenant, tenant_to_enable

_TOLD_AHEAD = timedelta(days=30)


class ConsentAnswer(ApiModel):
    """How far the MSP's current consent session is."""

    state: ConsentState
    outcome: ConsentOutcome | None
    at: Timestamp | None


class PermissionsAnswer(ApiModel):
    """Which version of the app's permissions is asked for, and which was consented to."""

    required_version: int = MANIFEST_VERSION
    consented_version: int | None
    is_behind: bool


class CredentialAnswer(ApiModel):
    """The partner app's credential, when it has to be replaced."""

    expires_at: Timestamp
    is_expired: bool


class MyTenantAnswer(ApiModel):
    """The partner tenant, if any, and what the consent session detected."""

    tenant: TenantAnswer | None
    detected_tenant_id: str | None
    consent: ConsentAnswer
    permissions: PermissionsAnswer
    credential: CredentialAnswer | None
    capabilities: list[ReadinessAnswer]


class EnableBody(RequestModel):
    """May name the tenant, which must then be the MSP's own."""

    tenant_id: GuidText | None = None


class DisabledAnswer(ApiModel):
    """The tenant that was removed."""

    tenant_id: str
    removed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTenantPorts(RemovalPorts):
    """The ports of the area."""

    sync_states: SyncStates
    sync_requests: SyncRequests
    identity: Identity
    clock: Clock
    credentials: Credentials


routes = RouteTable[MyTenantPorts]("my tenant")


@routes.route("GET", "my-tenant", Permission.TENANTS_READ, answers={200: MyTenantAnswer})
async def get_my_tenant(ports: MyTenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Return the partner tenant and the state of the consent."""
    head = request.caller.head
    record = head.consent.value if head.consent else None
    known, state = await _partner_tenant(ports, head)
    body = MyTenantAnswer(
        tenant=TenantAnswer.of(known, state) if known else None,
        detected_tenant_id=record.detected_tenant_id if record else None,
        consent=ConsentAnswer(
            state=record.state if record else ConsentState.NONE,
            outcome=record.outcome if record else None,
            at=record.at if record else None,
        ),
        permissions=_permissions(head),
        credential=_credential(
            await ports.credentials.expires_at(request.caller.msp), ports.clock.now()
        ),
        capabilities=_capabilities(known, state),
    )
    return Answer(200, body)


@routes.route(
    "POST",
    "my-tenant/enable",
    Permission.TENANTS_MANAGE,
    body=EnableBody,
    body_optional=True,
    answers={200: TenantAnswer, 201: TenantAnswer},
    errors=(422, 502),
)
async def enable_my_tenant(
    ports: MyTenantPorts, request: StaffRequest[EnableBody, NoQuery]
) -> Answer:
    """Enable the MSP's own tenant as its partner tenant."""
    caller, now, named = request.caller, ports.clock.now(), request.body.tenant_id
    wanted = None if named is None else parse_tenant_id(named)
    tenant_id = tenant_to_enable(caller.head, caller.member.tid, wanted)
    enabled = await enable_partner_tenant(
        ports.msps, ports.identity, caller.msp, tenant_id, request.cause(now)
    )
    if enabled.enabling is not Enabling.ALREADY:
        await ports.sync_requests.request(enabled.tenant.ref, now)
    status = 201 if enabled.enabling is Enabling.CREATED else 200
    return Answer(status, await _tenant(ports, caller.msp_id, tenant_id))


@routes.route(
    "POST",
    "my-tenant/disable",
    Permission.TENANTS_MANAGE,
    answers={200: DisabledAnswer},
    errors=(404,),
)
async def disable_my_tenant(ports: MyTenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Disable the partner tenant: it and all its data are removed."""
    cause = request.cause(ports.clock.now())
    removed = await disable_partner_tenant(ports, request.caller.msp_id, cause)
    return Answer(200, DisabledAnswer(tenant_id=removed))


def _permissions(head: MspHead) -> PermissionsAnswer:
    """Return whether an MSP with a partner tenant should consent again."""
    version = head.msp.value.consented_manifest
    has_tenant = head.slot is not None
    return PermissionsAnswer(
        consented_version=version, is_behind=has_tenant and version != MANIFEST_VERSION
    )


def _credential(expires_at: datetime | None, now: datetime) -> CredentialAnswer | None:
    """Return the credential if it expires within 30 days or has expired, else None."""
    if expires_at is None or expires_at - now > _TOLD_AHEAD:
        return None
    return CredentialAnswer(expires_at=expires_at, is_expired=expires_at <= now)


def _capabilities(
    known: Versioned[Tenant] | None, state: SyncState | None
) -> list[ReadinessAnswer]:
    if known is None:
        return []
    return [ReadinessAnswer.of(one) for one in all_readiness(state, is_own=True)]


async def _partner_tenant(
    ports: MyTenantPorts, head: MspHead
) -> tuple[Versioned[Tenant] | None, SyncState | None]:
    slot = head.slot
    return await _read(ports, slot.value.msp_id, slot.value.tenant_id) if slot else (None, None)


async def _tenant(ports: MyTenantPorts, msp_id: MspId, tenant_id: TenantId) -> TenantAnswer:
    known, state = await _read(ports, msp_id, tenant_id)
    if known is None:
        raise ConcurrentChange("The tenant was removed meanwhile.")
    return TenantAnswer.of(known, state)


async def _read(
    ports: MyTenantPorts, msp_id: MspId, tenant_id: TenantId
) -> tuple[Versioned[Tenant] | None, SyncState | None]:
    """Return the partner tenant and the state of its sync."""
    known = await ports.msps.find(Tenant, msp_id, tenant_id)
    if known is None or not known.value.is_own_msp_tenant:
        return None, None
    state = await ports.sync_states.find(known.value.ref)
    return known, state.value if state else None
