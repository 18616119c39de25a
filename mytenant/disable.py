"""Disable: the only way to remove the partner tenant."""

from core.remove_tenant import RemovalPorts, remove_tenant
from domain.audit import Cause
from domain.errors import NoPartnerTenant
from domain.identifiers import MspId, TenantId
from domain.partner_tenant import disable


async def disable_partner_tenant(ports: RemovalPorts, msp_id: MspId, cause: Cause) -> TenantId:
    """Remove the partner tenant's row at once, and start the purge of everything that it owned.

    Raises:
        NoPartnerTenant: There is none.
    """
    head = await ports.msps.head(msp_id)
    if head is None or head.slot is None:
        raise NoPartnerTenant("The MSP has no partner tenant.")
    tenant_id = head.slot.value.tenant_id
    await remove_tenant(
        ports,
        msp_id,
        tenant_id,
        lambda records: disable(records, cause),
        cause.at,
    )
    return tenant_id
