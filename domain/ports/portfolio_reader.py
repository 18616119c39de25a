"""Reads across all of an MSP's tenants."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.identifiers import MspId, TenantRef
from domain.sync_state import SyncSummary
from domain.tenant import (
    ListedTenant,
)


class PortfolioReader(Protocol):
    """Reads what the portfolio shows of all of an MSP's tenants, with one range read each."""

    async def tenants(self, msp_id: MspId) -> Sequence[ListedTenant]:
        """Return the MSP's tenants in the order of their IDs, in every status."""
        ...

    async def summaries(self, msp_id: MspId) -> Mapping[TenantRef, SyncSummary]:
        """Return the summary of each tenant's sync."""
        ...
