"""Disable: the only way by which the partner tenant goes."""

from domain.audit import Cause
from domain.errors import NoPartnerTenant
from domain.identifiers import MspId, TenantId
from domain.partner_tenant import disable
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues
from domain.removal import remove_tenant


async def disable_partner_tenant(
    msps: MspStore, pending_work: PendingWorkStore, queues: Queues, msp_id: MspId, cause: Cause
) -> TenantId:
    """Remove the partner tenant's row at once, and set off the purge of what it owned.

    Raises:
        NoPartnerTenant: There is none.
    """
    head = await msps.head(msp_id)
    if head is None or head.slot is None:
        raise NoPartnerTenant("The MSP has no partner tenant.")
    tenant_id = head.slot.value.tenant_id
    await remove_tenant(
        msps,
        pending_work,
        queues,
        msp_id,
        tenant_id,
        lambda snapshot: disable(snapshot, cause),
        cause.at,
    )
    return tenant_id
