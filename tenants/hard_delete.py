"""Hard delete of a customer tenant, with the guard of the partner tenant."""

from dataclasses import replace

from domain.audit import Cause
from domain.errors import PartnerTenantProtected, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.lifecycle import folded_usage
from domain.partner_tenant import describe
from domain.ports.msp_store import MspStore, TenantRecords
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues
from domain.removal import removal_row, remove_tenant
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange
from domain.tenant import Tenant


def decide_hard_delete(snapshot: TenantRecords, cause: Cause) -> Decision[Tenant]:
    """Decide the removal of a customer tenant's row, its invite and its open usage.

    The guard stands here, on the version of the row that the transaction then removes: a
    conversion to the partner tenant in between changes the version, and the decision is made
    anew.

    Raises:
        TenantNotFound: No such tenant.
        PartnerTenantProtected: It is the MSP's own partner tenant.
    """
    known = snapshot.tenant
    if known is None:
        raise TenantNotFound("No such tenant.")
    if known.value.is_own_msp_tenant:
        raise PartnerTenantProtected
    event = cause.event(
        known.value.msp_id,
        "tenant.hard_delete",
        tenant_id=known.value.tenant_id,
        before=describe(known.value),
    )
    operations: tuple[RowChange, ...] = (
        Remove(known.value, known.version),
        removal_row(snapshot, known.value, cause.at),
        Insert(event),
    )
    if snapshot.invite:
        operations += (Remove(snapshot.invite.value, snapshot.invite.version),)
    if snapshot.usage:
        closed = folded_usage(snapshot.usage.value.closed(cause.at), snapshot, cause)
        named = replace(closed, tenant_name=known.value.display_name)
        operations += (Replace(named, snapshot.usage.version),)
    return Decision(known.value, operations)


async def hard_delete(  # noqa: PLR0913  the ports that a removal needs
    msps: MspStore,
    pending_work: PendingWorkStore,
    queues: Queues,
    msp_id: MspId,
    tenant_id: TenantId,
    cause: Cause,
) -> None:
    """Remove a customer tenant for good, and set off the purge of all that it owns.

    Raises:
        TenantNotFound: No such tenant at this MSP.
        PartnerTenantProtected: It is the MSP's own partner tenant; nothing changes.
    """
    await remove_tenant(
        msps,
        pending_work,
        queues,
        msp_id,
        tenant_id,
        lambda snapshot: decide_hard_delete(snapshot, cause),
        cause.at,
    )
