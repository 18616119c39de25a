"""Hard deletion of a customer tenant; the partner tenant is protected."""

from dataclasses import replace

from core.remove_tenant import RemovalPorts, remove_tenant
from domain.audit import Cause
from domain.errors import PartnerTenantProtected, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.lifecycle import folded_usage
from domain.partner_tenant import describe
from domain.ports.msp_store import TenantRecords
from domain.removal import removal_row
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange
from domain.tenant import Tenant


def decide_hard_delete(records: TenantRecords, cause: Cause) -> Decision[Tenant]:
    """Decide the removal of a customer tenant's row and invite, and the end of its open usage.

    The check for the partner tenant applies to the version of the row that the transaction
    removes: a conversion to the partner tenant in the meantime changes the version, and the
    decision is repeated.

    Raises:
        TenantNotFound: There is no such tenant.
        PartnerTenantProtected: It is the MSP's own partner tenant.
    """
    known = records.tenant
    if known is None:
        raise TenantNotFound("No such tenant.")
    if known.value.is_own_msp_tenant:
        raise PartnerTenantProtected
    tenant = known.value
    event = cause.event(
        tenant.msp_id, "tenant.hard_delete", tenant_id=tenant.tenant_id, before=describe(tenant)
    )
    changes = (
        Remove(tenant, known.version),
        removal_row(records, tenant, cause.at),
        Insert(event),
    )
    return Decision(tenant, changes + _what_belongs_to_it(records, tenant, cause))


def _what_belongs_to_it(
    records: TenantRecords, tenant: Tenant, cause: Cause
) -> tuple[RowChange, ...]:
    """Return the removal of the tenant's invite and the end of its usage; usage is kept."""
    changes: tuple[RowChange, ...] = ()
    if records.invite:
        changes += (Remove(records.invite.value, records.invite.version),)
    if records.usage:
        closed = folded_usage(records.usage.value.closed(cause.at), records, cause)
        named = replace(closed, tenant_name=tenant.display_name)
        changes += (Replace(named, records.usage.version),)
    return changes


async def hard_delete(
    ports: RemovalPorts, msp_id: MspId, tenant_id: TenantId, cause: Cause
) -> None:
    """Remove a customer tenant permanently, and start the purge of everything it owns.

    Raises:
        TenantNotFound: The MSP has no such tenant.
        PartnerTenantProtected: It is the MSP's own partner tenant; nothing changes.
    """
    await remove_tenant(
        ports,
        msp_id,
        tenant_id,
        lambda records: decide_hard_delete(records, cause),
        cause.at,
    )
