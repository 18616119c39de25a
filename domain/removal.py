"""The record of a tenant's removal."""

from datetime import datetime

from domain.ports.msp_store import TenantRecords
from domain.row_changes import Insert, Replace, RowChange
from domain.tenant import Tenant, TenantRemoval


def removal_row(records: TenantRecords, tenant: Tenant, now: datetime) -> RowChange:
    """Return the record that the tenant was removed now; it is written with the removal.

    Because of it, a GDAP relationship that was agreed earlier does not add the tenant again.
    """
    removal, known = TenantRemoval(tenant.msp_id, tenant.tenant_id, now), records.removal
    return Replace(removal, known.version) if known else Insert(removal)
