"""The cost of a fleet in Azure per month, from counted operations.

Prices change and differ by region: these are assumptions in US dollars, to be replaced by those of
https://azure.microsoft.com/pricing/. Free grants and use of the portal are not included.
"""

from dataclasses import dataclass

from adapters.tables.sync_schedule import PARTITIONS
from tests.scale.costs import Cost
from tests.scale.search import Fleet

_DAYS = 30
_SECONDS = _DAYS * 24 * 3600
# Flex Consumption: an instance's memory is billed while it executes, for at least a second.
_INSTANCE_GB = 2.0
_LEAST_SECONDS = 1.0
# Timer runs according to the schedules in infra/: every 2 and 10 minutes, minute and hour.
TIMERS = _SECONDS / 120 + _SECONDS / 600 + _SECONDS / 60 + _SECONDS / 3600
# The messages of a month for each MSP: the GDAP poll and billing. And those of the search.
MSP_MESSAGES = _SECONDS / 600 + _SECONDS / 3600
SEARCHES = PARTITIONS * _SECONDS / 120
# A function of the queue has an instance of its own, which handles the messages of a timer's run.
_INSTANCE_RUNS = TIMERS + _SECONDS / 120 + _SECONDS / 600 + _SECONDS / 3600
_TENANTS_AN_MSP = 100
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
    messages = SEARCHES + MSP_MESSAGES * max(1, fleet.tenants / _TENANTS_AN_MSP)
    seconds = syncs * max(_LEAST_SECONDS, fleet.seconds_of(cost))
    seconds += _INSTANCE_RUNS * _LEAST_SECONDS + syncs * cost.search_seconds
    executions = syncs + TIMERS + messages
    return {
        "compute": seconds * _INSTANCE_GB * prices.gb_second + executions * prices.execution,
        # The host receives a message and deletes it. Each search reads a page.
        "operations": (syncs * cost.tables + messages) * prices.table_operation
        + (syncs * (cost.queues + 2) + messages * 3) * prices.queue_operation,
        "stored": fleet.tenants * kb_a_tenant / 1e6 * prices.stored_gb_month,
        "logs": syncs * _LOGGED_KB / 1e6 * prices.logged_gb,
    }
