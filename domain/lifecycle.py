"""The lifecycle of a customer tenant: a pure state machine, and its effect on usage."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from domain.audit import Cause
from domain.errors import InvalidStatus, PartnerTenantProtected
from domain.partner_tenant import describe
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Replace, RowChange, Versioned, write
from domain.tenant import Tenant, TenantStatus
from domain.usage import ActivePeriod, TenantUsage


@dataclass(frozen=True, slots=True)
class LifecycleStep:
    """A step of the lifecycle: the statuses that it may start from, and the resulting status."""

    name: str
    sources: frozenset[TenantStatus]
    target: TenantStatus


SUSPEND = LifecycleStep("suspended", frozenset({TenantStatus.ACTIVE}), TenantStatus.SUSPENDED)
RESUME = LifecycleStep("resumed", frozenset({TenantStatus.SUSPENDED}), TenantStatus.ACTIVE)
OFFBOARD = LifecycleStep(
    "offboarded",
    frozenset({TenantStatus.ACTIVE, TenantStatus.SUSPENDED}),
    TenantStatus.OFFBOARDED,
)
REACTIVATE = LifecycleStep("reactivated", frozenset({TenantStatus.OFFBOARDED}), TenantStatus.ACTIVE)


def take(
    step: LifecycleStep, known: Versioned[Tenant], records: TenantRecords, cause: Cause
) -> Decision[Tenant]:
    """Decide a step of a customer tenant's lifecycle.

    Raises:
        PartnerTenantProtected: It is the MSP's own tenant, which has no lifecycle.
        InvalidStatus: The step is not allowed from the tenant's current status.
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
    return Decision(after, tenant_changes(known, after, records, f"tenant.{step.name}", cause))


def tenant_changes(
    known: Versioned[Tenant],
    after: Tenant,
    records: TenantRecords,
    action: str,
    cause: Cause,
) -> tuple[RowChange, ...]:
    """Return the rows to write when a customer tenant changes: tenant, usage and audit event."""
    event = cause.event(
        after.msp_id,
        action,
        tenant_id=after.tenant_id,
        before=describe(known.value),
        after=describe(after),
    )
    row: tuple[RowChange, ...] = (Replace(after, known.version), Insert(event))
    return row + usage_change(after, records, cause)


def usage_change(tenant: Tenant, records: TenantRecords, cause: Cause) -> tuple[RowChange, ...]:
    """Return the change of the usage row that follows from a customer tenant's new status."""
    known = records.usage
    usage = known.value if known else TenantUsage(tenant.msp_id, tenant.tenant_id, "", ())
    named = replace(usage, tenant_name=tenant.display_name)
    counted = named.opened(cause.at) if tenant.is_billed else named.closed(cause.at)
    if counted == usage or not counted.periods:
        return ()
    return (write(folded_usage(counted, records, cause), known),)


def folded_usage(usage: TenantUsage, records: TenantRecords, cause: Cause) -> TenantUsage:
    """Return the usage in the form that is stored; it fits its row after any number of changes."""
    return usage.folded(ZoneInfo(records.head.msp.value.time_zone), cause.at)


def new_tenant_rows(
    tenant: Tenant, records: TenantRecords, action: str, cause: Cause
) -> tuple[RowChange, ...]:
    """Return the rows to write when a customer tenant is added, for the first time or again.

    The usage row is kept when the tenant is removed. So its version also causes a conflict if
    another writer has added and removed the tenant between this decision and its commit.
    """
    event = cause.event(tenant.msp_id, action, tenant_id=tenant.tenant_id, after=describe(tenant))
    row: tuple[RowChange, ...] = (Insert(tenant), Insert(event))
    return row + usage_change(tenant, records, cause)


def first_usage(tenant: Tenant, cause: Cause) -> TenantUsage:
    """Return the usage of a customer tenant that becomes active for the first time."""
    return TenantUsage(
        tenant.msp_id, tenant.tenant_id, tenant.display_name, (ActivePeriod(cause.at),)
    )
