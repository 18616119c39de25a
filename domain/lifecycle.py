"""The lifecycle of a customer tenant: a pure state machine, and its effect on usage."""

from dataclasses import dataclass, replace

from domain.audit import Cause
from domain.changes import Decision, Insert, Operation, Replace, Versioned, write
from domain.errors import InvalidStatus, PartnerTenantProtected
from domain.partner_tenant import describe
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
    step: Step, known: Versioned[Tenant], usage: Versioned[TenantUsage] | None, cause: Cause
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
    after = replace(before, status=step.target)
    event = cause.event(
        after.msp_id,
        f"tenant.{step.name}",
        tenant_id=after.tenant_id,
        before=describe(before),
        after=describe(after),
    )
    operations: tuple[Operation, ...] = (Replace(after, known.version), Insert(event))
    return Decision(after, operations + usage_written(after, usage, cause))


def usage_written(
    tenant: Tenant, known: Versioned[TenantUsage] | None, cause: Cause
) -> tuple[Operation, ...]:
    """Return the usage row's change that goes with a customer tenant's new status."""
    usage = known.value if known else TenantUsage(tenant.msp_id, tenant.tenant_id, "", ())
    named = replace(usage, tenant_name=tenant.display_name)
    active = tenant.status is TenantStatus.ACTIVE
    changed = named.opened(cause.at) if active else named.closed(cause.at)
    if changed == usage:
        return ()
    return (write(changed, known),)


def started(tenant: Tenant, cause: Cause) -> TenantUsage:
    """Return the usage of a customer tenant that becomes active for the first time."""
    return TenantUsage(tenant.msp_id, tenant.tenant_id, tenant.display_name, (Stretch(cause.at),))
