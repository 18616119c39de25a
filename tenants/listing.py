"""Lists: the tenants and users that they show."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.data_set import Document
from domain.folding import fold
from domain.identifiers import MspId, TenantRef
from domain.ports.page import Page
from domain.ports.sync_states import SyncStates
from domain.row_changes import Versioned
from domain.sync_state import SyncState
from domain.tenant import Tenant, TenantScope, TenantStatus
from tenants.ports import TenantPorts

type Listed = tuple[Versioned[Tenant], SyncState | None]


@dataclass(frozen=True, slots=True)
class TenantFilter:
    """The scope and status of the tenants in a list; offboarded ones are shown only on request."""

    scope: TenantScope = TenantScope.ALL
    status: TenantStatus | None = None

    def shows(self, tenant: Tenant) -> bool:
        """Return whether the list shows a tenant."""
        is_partner = self.scope is TenantScope.PARTNER
        if self.scope is not TenantScope.ALL and tenant.is_own_msp_tenant != is_partner:
            return False
        if self.status is None:
            return tenant.status is not TenantStatus.OFFBOARDED
        return tenant.status is self.status


async def list_tenants(
    ports: TenantPorts, msp_id: MspId, shown: TenantFilter, page_size: int, token: str | None
) -> Page[Listed]:
    """Return a page of an MSP's tenants, each with the state of its sync.

    The partner tenant is shown once its first sync is complete. Before that, the page in which it
    would be is one item shorter.
    """
    page = await ports.msps.page(Tenant, msp_id, page_size, token, shown.shows)
    states = await _states_of(ports.sync_states, msp_id, page)
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
    """Return whether a user's names or address contain a folded text."""
    fields = ("displayName", "userPrincipalName", "mail")
    return any(wanted in fold(user.get(field) or "") for field in fields)
