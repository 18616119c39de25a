"""What a month of a fleet costs in Azure, from operations that were counted.

Prices change and differ by region: these are assumptions in US dollars, to be replaced by those of
https://azure.microsoft.com/pricing/. The free grants and what people do at the portal are left out.
"""

from dataclasses import dataclass

from tests.scale.costs import Cost
from tests.scale.fleet import Fleet

_DAYS = 30
_SECONDS = _DAYS * 24 * 3600
# Flex Consumption: an instance's memory is billed while it executes, for a second at least.
_INSTANCE_GB = 2.0
_LEAST_SECONDS = 1.0
# Runs of the timers by the schedules in infra/: 2 and 10 minutes, a minute, an hour.
TIMERS = _SECONDS / 120 + _SECONDS / 600 + _SECONDS / 60 + _SECONDS / 3600
# A sync's log lines and spans, five of each, and what Application Insights adds to them.
_LOGGED_KB = 10


@dataclass(frozen=True, slots=True)
class Prices:
    """In US dollars."""

    gb_second: float = 0.000026
    execution: float = 0.40 / 1_000_000
    table_operation: float = 0.00036 / 10_000
    queue_operation: float = 0.004 / 10_000
    stored_gb_month: float = 0.045
    logged_gb: float = 2.76


def monthly(fleet: Fleet, cost: Cost, kb_a_tenant: float, prices: Prices) -> dict[str, float]:
    """Return a month's cost by what it is for, with no two syncs in an instance at once.

    Args:
        kb_a_tenant: What is stored of a tenant.
    """
    syncs = fleet.tenants * _SECONDS / fleet.interval
    seconds = syncs * max(_LEAST_SECONDS, fleet.seconds_of(cost))
    seconds += TIMERS * _LEAST_SECONDS + syncs * cost.timer_seconds
    return {
        "compute": seconds * _INSTANCE_GB * prices.gb_second + (syncs + TIMERS) * prices.execution,
        # The host takes a message and deletes it.
        "operations": syncs * cost.tables * prices.table_operation
        + syncs * (cost.queues + 2) * prices.queue_operation,
        "stored": fleet.tenants * kb_a_tenant / 1e6 * prices.stored_gb_month,
        "logs": syncs * _LOGGED_KB / 1e6 * prices.logged_gb,
    }
