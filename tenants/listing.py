"""Lists: which tenants and users they show."""

from collections.abc import Mapping

from domain.folding import fold
from domain.identifiers import MspId, TenantRef
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import Document
from domain.row_changes import Versioned
from domain.sync_state import SyncState
from domain.tenant import Tenant, TenantScope, TenantStatus

type Listed = tuple[Versioned[Tenant], SyncState | None]


def is_listed(tenant: Tenant, scope: TenantScope, status: TenantStatus | None) -> bool:
    """Tell whether a list shows a tenant; offboarded tenants show on request alone."""
    if scope is not TenantScope.ALL and tenant.is_own_msp_tenant != (scope is TenantScope.PARTNER):
        return False
    if status is None:
        return tenant.status is not TenantStatus.OFFBOARDED
    return tenant.status is status


async def list_tenants(  # noqa: PLR0913  the list's filters
    msps: MspStore,
    sync_states: SyncStates,
    msp_id: MspId,
    scope: TenantScope,
    status: TenantStatus | None,
    page_size: int,
    token: str | None,
) -> Page[Listed]:
    """Return a page of an MSP's tenants, each with the state of its sync.

    The partner tenant shows once its first sync is complete; a page without it is one short.
    """
    page = await msps.page(
        Tenant, msp_id, page_size, token, lambda tenant: is_listed(tenant, scope, status)
    )
    states = await _states_of(sync_states, msp_id, page)
    listed = ((known, states.get(known.value.ref)) for known in page.items)
    return Page(tuple(filter(_has_arrived, listed)), page.next_token)


def _has_arrived(listed: Listed) -> bool:
    tenant, state = listed[0].value, listed[1]
    synced = state is not None and state.first_synced_at is not None
    return synced or not tenant.is_own_msp_tenant


async def _states_of(
    sync_states: SyncStates, msp_id: MspId, page: Page[Versioned[Tenant]]
) -> Mapping[TenantRef, SyncState]:
    if not page.items:
        return {}
    first, last = page.items[0].value.tenant_id, page.items[-1].value.tenant_id
    return await sync_states.of_msp(msp_id, first, last)


def user_matches(user: Document, wanted: str) -> bool:
    """Tell whether a user's names or address hold a folded text."""
    fields = ("displayName", "userPrincipalName", "mail")
    return any(wanted in fold(user.get(field) or "") for field in fields)
