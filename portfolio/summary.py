"""The summary of a portfolio: each tenant's roll-up, and the sum of all."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from domain.identifiers import TenantRef
from domain.sync_state import RollUp, SyncSummary
from domain.tenant import ListedTenant, TenantScope
from portfolio.visibility import is_in_portfolio

# Graph's scores have two decimals.
_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class TenantSummary:
    """A tenant's figures.

    Args:
        synced_at: The time of the figures; None before the first successful read.
    """

    tenant: ListedTenant
    roll_up: RollUp
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class PortfolioSummary:
    """All figures.

    Args:
        synced_at: The time of the oldest figures of any tenant.
    """

    total: RollUp
    synced_at: datetime | None
    tenants: Sequence[TenantSummary]


def summarise(
    tenants: Iterable[ListedTenant], summaries: Mapping[TenantRef, SyncSummary], scope: TenantScope
) -> PortfolioSummary:
    """Return the summary of the tenants in the scope."""
    shown = [
        _of(tenant, summaries.get(tenant.ref))
        for tenant in tenants
        if is_in_portfolio(tenant, summaries.get(tenant.ref), scope)
    ]
    moments = [summary.synced_at for summary in shown if summary.synced_at]
    total = add_up(summary.roll_up for summary in shown)
    return PortfolioSummary(total, min(moments, default=None), shown)


def _of(tenant: ListedTenant, summary: SyncSummary | None) -> TenantSummary:
    if summary is None:
        return TenantSummary(tenant, RollUp(), None)
    return TenantSummary(tenant, summary.roll_up, summary.synced_at)


def add_up(roll_ups: Iterable[RollUp]) -> RollUp:
    """Return the sum of each figure over the tenants that have it; an unread figure is not zero."""
    known = list(roll_ups)
    sums = {}
    for figure in fields(RollUp):
        values = [value for each in known if (value := getattr(each, figure.name)) is not None]
        if values and all(isinstance(value, int) for value in values):
            sums[figure.name] = sum(values)
        elif values:
            sums[figure.name] = round(math.fsum(values), _DECIMALS)
    return RollUp(**sums)
