"""The tenants that the portfolio shows."""

from domain.sync_state import SyncSummary
from domain.tenant import ListedTenant, TenantScope, TenantStatus


def is_in_portfolio(tenant: ListedTenant, summary: SyncSummary | None, scope: TenantScope) -> bool:
    """Return whether the portfolio shows a tenant; the rules are those of the tenant list.

    The partner tenant is shown once its first sync is complete. Offboarded tenants are left out.
    """
    if tenant.status is TenantStatus.OFFBOARDED:
        return False
    if tenant.is_own_msp_tenant and (summary is None or summary.first_synced_at is None):
        return False
    return scope is TenantScope.ALL or tenant.is_own_msp_tenant == (scope is TenantScope.PARTNER)
