"""The cost of a fleet in Azure per month, from counted operations.

Prices change and differ by region: these are assumptions in US dollars, to be replaced by those of
https://azure.microsoft.com/pricing/. Free grants and use of the portal are not included.
"""

from dataclasses import dataclass

from tests.scale.costs import Cost
from tests.scale.fleet import Fleet

_DAYS = 30
_SECONDS = _DAYS * 24 * 3600
# Flex Consumption: an instance's memory is billed while it executes, for at least a second.
_INSTANCE_GB = 2.0
_LEAST_SECONDS = 1.0
# Timer runs according to the schedules in infra/: every 2 and 10 minutes, minute and hour.
TIMERS = _SECONDS / 120 + _SECONDS / 600 + _SECONDS / 60 + _SECONDS / 3600
# A sync's log lines and spans, five of each, including what Application Insights adds to them.
_LOGGED_KB = 10


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars."""

    gb_second: float = 0.000026
    execution: float = 0.40 / 1_000_000
    table_operation: float = 0.00036 / 10_000
    queue_operation: float = 0.004 / 10_000
    stored_gb_month: float = 0.045
    logged_gb: float = 2.76


def monthly(fleet: Fleet, cost: Cost, kb_a_tenant: float, prices: Prices) -> dict[str, float]:
    """Return a month's cost by category, if no instance runs two syncs at once.

    Args:
        kb_a_tenant: Stored data per tenant, in KB.
    """
    syncs = fleet.tenants * _SECONDS / fleet.interval
    seconds = syncs * max(_LEAST_SECONDS, fleet.seconds_of(cost))
    seconds += TIMERS * _LEAST_SECONDS + syncs * cost.timer_seconds
    return {
        "compute": seconds * _INSTANCE_GB * prices.gb_second + (syncs + TIMERS) * prices.execution,
        # The host receives a message and deletes it.
        "operations": syncs * cost.tables * prices.table_operation
        + syncs * (cost.queues + 2) * prices.queue_operation,
        "stored": fleet.tenants * kb_a_tenant / 1e6 * prices.stored_gb_month,
        "logs": syncs * _LOGGED_KB / 1e6 * prices.logged_gb,
    }
