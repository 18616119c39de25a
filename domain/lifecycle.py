"""The lifecycle of a customer tenant: a pure state machine, and its effect on usage."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from domain.audit import Cause
from domain.changes import Decision, Insert, Operation, Replace, Versioned, write
from domain.errors import InvalidStatus, PartnerTenantProtected
from domain.partner_tenant import describe
from domain.ports import Snapshot
from domain.tenant import Tenant, TenantStatus
from domain.usage import Stretch, TenantUsage


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the lifecycle: from which statuses it may be taken, and where it leads."""

    name: str
    sources: frozenset[TenantStatus]
    target: TenantStatus


SUSPEND = Step("suspended", frozenset({TenantStatus.ACTIVE}), TenantStatus.SUSPENDED)
RESUME = Step("resumed", frozenset({TenantStatus.SUSPENDED}), TenantStatus.ACTIVE)
OFFBOARD = Step(
    "offboarded",
    frozenset({TenantStatus.ACTIVE, TenantStatus.SUSPENDED}),
    TenantStatus.OFFBOARDED,
)
REACTIVATE = Step("reactivated", frozenset({TenantStatus.OFFBOARDED}), TenantStatus.ACTIVE)


def take(
    step: Step, known: Versioned[Tenant], snapshot: Snapshot, cause: Cause
) -> Decision[Tenant]:
    """Decide a step of a customer tenant's lifecycle.

    Raises:
        PartnerTenantProtected: It is the MSP's own tenant, which has no lifecycle.
        InvalidStatus: The step does not start from the tenant's present status.
    """
    before = known.value
    if before.is_own_msp_tenant:
        raise PartnerTenantProtected(
            "The MSP's own partner tenant is always active. Disable it via /my-tenant."
        )
    if before.status not in step.sources:
        raise InvalidStatus(f"A tenant that is {before.status} cannot be {step.name}.")
    offboarded_at = cause.at if step.target is TenantStatus.OFFBOARDED else None
    after = replace(before, status=step.target, offboarded_at=offboarded_at)
    return Decision(after, changed(known, after, snapshot, f"tenant.{step.name}", cause))


def changed(
    known: Versioned[Tenant],
    after: Tenant,
    snapshot: Snapshot,
    action: str,
    cause: Cause,
) -> tuple[Operation, ...]:
    """Return what is written when a customer tenant changes: its row, its usage, the event."""
    event = cause.event(
        after.msp_id,
        action,
        tenant_id=after.tenant_id,
        before=describe(known.value),
        after=describe(after),
    )
    row: tuple[Operation, ...] = (Replace(after, known.version), Insert(event))
    return row + usage_written(after, snapshot, cause)


def usage_written(tenant: Tenant, snapshot: Snapshot, cause: Cause) -> tuple[Operation, ...]:
    """Return the usage row's change that goes with a customer tenant's new status."""
    known = snapshot.usage
    usage = known.value if known else TenantUsage(tenant.msp_id, tenant.tenant_id, "", ())
    named = replace(usage, tenant_name=tenant.display_name)
    counted = named.opened(cause.at) if tenant.is_billed else named.closed(cause.at)
    if counted == usage or not counted.stretches:
        return ()
    return (write(folded(counted, snapshot, cause), known),)


def folded(usage: TenantUsage, snapshot: Snapshot, cause: Cause) -> TenantUsage:
    """Return usage as it is written: however often a tenant changes, it fits its row."""
    return usage.folded(ZoneInfo(snapshot.head.msp.value.time_zone), cause.at)


def added(tenant: Tenant, snapshot: Snapshot, action: str, cause: Cause) -> tuple[Operation, ...]:
    """Return what is written when a customer tenant is there for the first time, or again.

    The usage outlives its tenant. So its version also stops whoever decided on a tenant that was
    not there, and commits after somebody else has added and removed it.
    """
    event = cause.event(tenant.msp_id, action, tenant_id=tenant.tenant_id, after=describe(tenant))
    row: tuple[Operation, ...] = (Insert(tenant), Insert(event))
    return row + usage_written(tenant, snapshot, cause)


def started(tenant: Tenant, cause: Cause) -> TenantUsage:
    """Return the usage of a customer tenant that becomes active for the first time."""
    return TenantUsage(tenant.msp_id, tenant.tenant_id, tenant.display_name, (Stretch(cause.at),))
