"""The rows of the `msps` table: each kind's key, and its way to an entity and back."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables import TableEntity

from adapters.tables.access import as_utc
from adapters.tables.billing_rows import billing_key, billing_properties
from adapters.tables.releases import known
from domain.audit import Actor, AuditEvent
from domain.billing_account import BillingAccount
from domain.billing_terms import TermsChange
from domain.consent_session import ConsentOutcome, ConsentRecord, ConsentState
from domain.identifiers import Epoch, MspId, ObjectId, SessionHash, TenantId
from domain.invoice import Invoice, InvoiceLines, Payment
from domain.msp import Msp, PartnerApp, SecurityGroup
from domain.roles import Role, StaffMember
from domain.row_changes import Row
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval, TenantStatus
from domain.usage import ActivePeriod, TenantUsage

MSP, CONSENT, SLOT = "msp", "msp:consent", "msp:partner-tenant"
HEAD = ("msp", "msp;")  # ';' follows ':', so the range holds the rows of the head
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC)


def range_of(kind: str) -> tuple[str, str]:
    """Return the range of row keys that a kind of row lies in: from, and up to but not with."""
    return f"{kind}:", f"{kind};"


def tenant_key(tenant_id: str) -> str:
    """Return a tenant's row key."""
    return f"tenant:{tenant_id}"


def usage_key(tenant_id: str) -> str:
    """Return the row key of a tenant's usage."""
    return f"usage:{tenant_id}"


def invite_key(tenant_id: str) -> str:
    """Return the row key of a tenant's GDAP invite."""
    return f"invite:{tenant_id}"


def removal_key(tenant_id: str) -> str:
    """Return the row key of a tenant's removal."""
    return f"removed:{tenant_id}"


def staff_key(tid: str, oid: str) -> str:
    """Return a staff member's row key."""
    return f"staff:{tid}:{oid}"


def audit_key(at: datetime, event_id: str = "") -> str:
    """Return an audit event's row key: a later event comes first."""
    left = (_LAST_MOMENT - at) // timedelta(microseconds=1)
    return f"audit:{left:018d}:{event_id}"


def key_of(row: Row) -> str:  # noqa: C901, PLR0911  one return a kind
    """Return a row's key within its MSP."""
    match row:
        case Msp():
            return MSP
        case PartnerTenantClaim():
            return SLOT
        case ConsentRecord():
            return CONSENT
        case Tenant():
            return tenant_key(row.tenant_id)
        case TenantRemoval():
            return removal_key(row.tenant_id)
        case TenantUsage():
            return usage_key(row.tenant_id)
        case GdapInvite():
            return invite_key(row.tenant_id)
        case StaffMember():
            return staff_key(row.tid, row.oid)
        case AuditEvent():
            return audit_key(row.at, row.event_id)
        case BillingAccount() | TermsChange() | Invoice() | InvoiceLines() | Payment():
            return billing_key(row)


def to_entity(row: Row) -> dict[str, Any]:
    """Return a row as its entity; properties that are None are left out, as Tables would."""
    entity = {"PartitionKey": row.msp_id, "RowKey": key_of(row), **_properties(row)}
    return {name: value for name, value in entity.items() if value is not None}


def _properties(row: Row) -> dict[str, Any]:
    if isinstance(row, BillingAccount | TermsChange | Invoice | InvoiceLines | Payment):
        return billing_properties(row)
    properties: dict[str, Any] = {
        name: str(value) if isinstance(value, str) else value
        for name, value in asdict(row).items()
        if name != "msp_id"
    }
    match row:
        case Msp():
            app = properties.pop("app")
            app["security_groups"] = _json(app["security_groups"])
            properties |= {f"app_{name}": value for name, value in app.items()}
            properties["sign_in_tenants"] = _json(row.sign_in_tenants)
        case TenantUsage():
            del properties["periods"]
            properties["stretches"] = json.dumps(
                [_stretch_text(s) for s in row.periods], separators=(",", ":")
            )
        case AuditEvent():
            for name in ("actor", "before", "after"):
                properties[name] = _json(properties[name])
    return properties


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _stretch_text(stretch: ActivePeriod) -> list[str | None]:
    until = stretch.until.isoformat() if stretch.until else None
    return [stretch.since.isoformat(), until]


def msp_from(entity: TableEntity) -> Msp:
    """Read an MSP's profile."""
    app = PartnerApp(
        client_id=entity["app_client_id"],
        tenant_id=TenantId(entity["app_tenant_id"]),
        credential=entity.get("app_credential"),
        service_account=entity["app_service_account"],
        security_groups=tuple(
            SecurityGroup(group["group_id"], tuple(group.get("roles", ())))
            for group in json.loads(entity.get("app_security_groups", "[]"))
            if "group_id" in group
        ),
    )
    return Msp(
        msp_id=MspId(entity["PartitionKey"]),
        name=entity["name"],
        country=entity["country"],
        abn=entity.get("abn"),
        tier=entity["tier"],
        agreed_price_cents=entity.get("agreed_price_cents"),
        annual_prepay=entity["annual_prepay"],
        time_zone=entity["time_zone"],
        onboarded_at=_moment(entity["onboarded_at"]),
        suspended_at=as_utc(entity.get("suspended_at")),
        app=app,
        owners=entity["owners"],
        consented_manifest=entity.get("consented_manifest"),
        closed_at=as_utc(entity.get("closed_at")),
        billing_email=entity.get("billing_email"),
        sign_in_tenants=_sign_in_tenants(entity),
    )


def _sign_in_tenants(entity: TableEntity) -> tuple[TenantId, ...]:
    """Return where an MSP signs in from.

    A release before did not store it; then it is where the app registration is: it took staff to
    make that one.
    """
    known = entity.get("sign_in_tenants")
    if known is None:
        return (TenantId(entity["app_tenant_id"]),)
    return tuple(map(TenantId, json.loads(known)))


def tenant_from(entity: TableEntity) -> Tenant:
    """Read a tenant."""
    return Tenant(
        msp_id=MspId(entity["PartitionKey"]),
        tenant_id=TenantId(entity["tenant_id"]),
        epoch=Epoch(entity["epoch"]),
        display_name=entity["display_name"],
        primary_domain=entity.get("primary_domain"),
        is_own_msp_tenant=entity["is_own_msp_tenant"],
        status=known(TenantStatus, entity["status"]),
        created_at=_moment(entity["created_at"]),
        notes=entity.get("notes"),
        offboarded_at=as_utc(entity.get("offboarded_at")),
        connection_lost_at=as_utc(entity.get("connection_lost_at")),
        connection_lost_reason=entity.get("connection_lost_reason"),
    )


def removal_from(entity: TableEntity) -> TenantRemoval:
    """Read a tenant's removal."""
    return TenantRemoval(
        msp_id=MspId(entity["PartitionKey"]),
        tenant_id=TenantId(entity["tenant_id"]),
        removed_at=_moment(entity["removed_at"]),
    )


def slot_from(entity: TableEntity) -> PartnerTenantClaim:
    """Read the partner tenant's slot."""
    return PartnerTenantClaim(MspId(entity["PartitionKey"]), TenantId(entity["tenant_id"]))


def consent_from(entity: TableEntity) -> ConsentRecord:
    """Read the current consent session's record; of another release's outcome nothing follows."""
    outcome, detected = entity.get("outcome"), entity.get("detected_tenant_id")
    is_known = entity["state"] in ConsentState and outcome in {None, *ConsentOutcome}
    return ConsentRecord(
        msp_id=MspId(entity["PartitionKey"]),
        session=SessionHash(entity["session"]),
        state=ConsentState(entity["state"]) if is_known else ConsentState.NONE,
        outcome=ConsentOutcome(outcome) if outcome and is_known else None,
        at=_moment(entity["at"]),
        detected_tenant_id=TenantId(detected) if detected else None,
    )


def usage_from(entity: TableEntity) -> TenantUsage:
    """Read a tenant's usage."""
    return TenantUsage(
        msp_id=MspId(entity["PartitionKey"]),
        tenant_id=TenantId(entity["tenant_id"]),
        tenant_name=entity["tenant_name"],
        periods=tuple(_stretch(*stretch) for stretch in json.loads(entity["stretches"])),
    )


def _stretch(since: str, until: str | None = None, *_: Any) -> ActivePeriod:
    return ActivePeriod(
        datetime.fromisoformat(since), datetime.fromisoformat(until) if until else None
    )


def invite_from(entity: TableEntity) -> GdapInvite:
    """Read a GDAP invite."""
    return GdapInvite(
        msp_id=MspId(entity["PartitionKey"]),
        tenant_id=TenantId(entity["tenant_id"]),
        display_name=entity["display_name"],
        relationship_id=entity["relationship_id"],
        status=entity["status"],
        invite_url=entity["invite_url"],
        expires_at=_moment(entity["expires_at"]),
        created_at=_moment(entity["created_at"]),
        assigned=entity.get("assigned", ""),
    )


def staff_from(entity: TableEntity) -> StaffMember:
    """Read a staff member."""
    return StaffMember(
        msp_id=MspId(entity["PartitionKey"]),
        tid=TenantId(entity["tid"]),
        oid=ObjectId(entity["oid"]),
        role=known(Role, entity["role"]),
        name=entity["name"],
    )


def audit_from(entity: TableEntity) -> AuditEvent:
    """Read an audit event."""
    tenant_id = entity.get("tenant_id")
    before, after = entity.get("before"), entity.get("after")
    return AuditEvent(
        msp_id=MspId(entity["PartitionKey"]),
        event_id=entity["event_id"],
        at=_moment(entity["at"]),
        action=entity["action"],
        actor=_actor(**json.loads(entity["actor"])),
        tenant_id=TenantId(tenant_id) if tenant_id else None,
        outcome=entity.get("outcome"),
        before=json.loads(before) if before else None,
        after=json.loads(after) if after else None,
        request_id=entity["request_id"],
    )


def _actor(
    kind: str,
    tid: str | None = None,
    oid: str | None = None,
    name: str | None = None,
    **_: Any,
) -> Actor:
    return Actor(kind, tid, oid, name)


def _moment(value: datetime) -> datetime:
    return as_utc(value) or value
