"""Searching the users of all of an MSP's tenants."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.identifiers import MspId
from domain.ports.portfolio_reader import PortfolioReader
from domain.sync_state import ReadState, SyncSummary
from domain.tenant import ListedTenant, TenantScope
from portfolio.search import FoundUser, search
from portfolio.user_search_cache import CachedUsers
from portfolio.visibility import is_in_portfolio


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The users found, and the tenants whose users may be missing from the result.

    Args:
        failed: Tenants whose users were never read, or whose last read of users failed, so that
            their data may be old.
    """

    found: Sequence[FoundUser]
    failed: Sequence[ListedTenant]


async def search_users(
    reader: PortfolioReader, users: CachedUsers, msp_id: MspId, wanted: str
) -> SearchResult:
    """Search an MSP's users.

    The list of tenants is read each time, so a tenant that was just removed or offboarded is not
    shown, even if its users are still in memory.

    Args:
        wanted: Folded text.
    """
    tenants, known = await asyncio.gather(reader.tenants(msp_id), users.of_msp(msp_id))
    shown = [
        tenant
        for tenant in tenants
        if is_in_portfolio(tenant, known.summaries.get(tenant.ref), TenantScope.ALL)
    ]
    blocks = [(tenant, block) for tenant in shown for block in known.by_tenant.get(tenant.ref, ())]
    failed = [tenant for tenant in shown if _has_failed(known.summaries.get(tenant.ref))]
    return SearchResult(search(blocks, wanted), failed)


def _has_failed(summary: SyncSummary | None) -> bool:
    return summary is None or summary.users is not ReadState.SUCCEEDED
