"""Lists: pages filled to their size although some rows are left out."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

from domain.changes import Versioned
from domain.identifiers import MspId, TenantRef
from domain.ports import Document, MspStore, Page, SyncStates
from domain.sync_state import SyncState
from domain.tenant import Tenant, TenantStatus

type Listed = tuple[Versioned[Tenant], SyncState | None]


class Scope(StrEnum):
    """Which tenants a list shows."""

    ALL = "all"
    CUSTOMERS = "customers"
    PARTNER = "partner"


async def filled_page[T](
    fetch: Callable[[int, str | None], Awaitable[Page[T]]],
    keep: Callable[[T], bool],
    page_size: int,
    token: str | None,
) -> Page[T]:
    """Read on until a page is full of items to keep, or the list ends."""
    items: list[T] = []
    while True:
        page = await fetch(page_size - len(items), token)
        items += [item for item in page.items if keep(item)]
        token = page.next_token
        if token is None or len(items) >= page_size:
            return Page(tuple(items), token)


def is_listed(listed: Listed, scope: Scope, status: TenantStatus | None) -> bool:
    """Tell whether the tenant list shows a tenant.

    The partner tenant shows once its first sync is complete; offboarded tenants show on
    request alone.
    """
    tenant, state = listed[0].value, listed[1]
    if tenant.is_own_msp_tenant and (state is None or state.first_synced_at is None):
        return False
    if scope is not Scope.ALL and tenant.is_own_msp_tenant != (scope is Scope.PARTNER):
        return False
    if status is None:
        return tenant.status is not TenantStatus.OFFBOARDED
    return tenant.status is status


async def list_tenants(  # noqa: PLR0913  the list's filters
    msps: MspStore,
    sync_states: SyncStates,
    msp_id: MspId,
    scope: Scope,
    status: TenantStatus | None,
    page_size: int,
    token: str | None,
) -> Page[Listed]:
    """Return a page of an MSP's tenants, each with the state of its sync."""

    async def fetch(size: int, at: str | None) -> Page[Listed]:
        page = await msps.tenants(msp_id, size, at)
        states = await _states_of(sync_states, msp_id, page)
        return Page(
            tuple((tenant, states.get(tenant.value.ref)) for tenant in page.items),
            page.next_token,
        )

    return await filled_page(
        fetch, lambda listed: is_listed(listed, scope, status), page_size, token
    )


async def _states_of(
    sync_states: SyncStates, msp_id: MspId, page: Page[Versioned[Tenant]]
) -> Mapping[TenantRef, SyncState]:
    if not page.items:
        return {}
    first, last = page.items[0].value.tenant_id, page.items[-1].value.tenant_id
    return await sync_states.of_msp(msp_id, first, last)


def user_matches(user: Document, search: str) -> bool:
    """Tell whether a user's names or address hold the searched text, in any case."""
    wanted = search.casefold()
    fields = ("displayName", "userPrincipalName", "mail")
    return any(wanted in (user.get(field) or "").casefold() for field in fields)
