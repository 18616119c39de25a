"""Removing a tenant: the order of writes that lets no crash leave half of one behind."""

from datetime import datetime

from domain.ports.msp_store import TenantRecords
from domain.row_changes import Insert, Replace, RowChange
from domain.tenant import Tenant, TenantRemoval


def removal_row(snapshot: TenantRecords, tenant: Tenant, now: datetime) -> RowChange:
    """Return the note that the tenant was removed now, written together with its removal.

    By it a GDAP relationship that was agreed before then does not bring the tenant back.
    """
    removal, known = TenantRemoval(tenant.msp_id, tenant.tenant_id, now), snapshot.removal
    return Replace(removal, known.version) if known else Insert(removal)
