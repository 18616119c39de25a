"""A fleet that keeps tenants in sync, simulated event by event: timer, queue, instances.

The rules are the product's (`sync/due_tenants.py`, `host.json`) and the costs are measured
(`tests.scale.costs`). What cannot be measured without Azure is a field of `Fleet`.
"""

import heapq
import math
import statistics
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.sync_request import QUEUED_FOR
from sync.due_tenants import MAX_PER_MESSAGE, MAX_PER_SECOND
from tests.scale.costs import Cost

# host.json: concurrent messages in an instance, batchSize plus the threshold of half of it.
_SLOTS = 16 + 8


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet, and the assumed durations of services.

    Args:
        tenants: Number of tenants, all of them customers.
        instances: Number of instances of the functions app, with one core each.
        interval: Seconds between two syncs of a tenant.
        timer: Seconds between two searches for due tenants.
        searches: How many processes share a search; the product has one.
        table_seconds: Duration of a table operation, within a region.
        graph_seconds: Duration of a request to Graph or to Entra.
    """

    tenants: int
    instances: int
    interval: float = 6 * 3600
    timer: float = 120
    searches: int = 1
    table_seconds: float = 0.01
    graph_seconds: float = 0.2

    def seconds_of(self, cost: Cost) -> float:
        """Return how long one sync takes on an otherwise idle core."""
        waiting = cost.tables * self.table_seconds
        waiting += (cost.graph + cost.tokens) * self.graph_seconds
        return cost.processor_seconds + waiting


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one interval.

    Args:
        lags: Seconds from when each tenant was due to the end of its sync, sorted.
        left: Tenants that were due and not yet found at the end of the interval.
    """

    lags: list[float]
    left: int

    def percentile(self, percent: int) -> float:
        """Return a percentile of the lags."""
        return statistics.quantiles(self.lags, n=100, method="inclusive")[percent - 1]


def run(fleet: Fleet, cost: Cost) -> Outcome:
    """Make each tenant due once in an interval, evenly distributed, and sync it."""
    seconds = fleet.seconds_of(cost)
    # As many at once as keep the core busy while the others wait.
    slots = min(_SLOTS, max(1, int(seconds / cost.processor_seconds)))
    free = [0.0] * (fleet.instances * slots)
    lags = []
    for moment, visible in _queued(fleet, cost):
        # The message takes the first slot that becomes free.
        end = max(visible, free[0]) + seconds
        heapq.heapreplace(free, end)
        lags.append(end - moment)
    return Outcome(sorted(lags), fleet.tenants - len(lags))


def _queued(fleet: Fleet, cost: Cost) -> Iterator[tuple[float, float]]:
    """Yield when each tenant was due, and when its message becomes visible, in order.

    The timer reads the schedule's first entries. Each sync has two entries: one for its due time,
    and one that is checked three minutes later, in case its message was lost. A search that takes
    longer than the timer's period delays the next one.
    """
    gap, each = fleet.interval / fleet.tenants, cost.timer_seconds / 2 / fleet.searches
    due, checks, now = 0, deque[float](), fleet.timer
    while now <= fleet.interval + fleet.timer:
        number = 0
        while number < MAX_PER_MESSAGE * fleet.searches:
            moment = due * gap if due < fleet.tenants else math.inf
            if checks and checks[0] < min(moment, now):
                checks.popleft()
            elif moment <= now:
                yield moment, now + max(number * each, number // fleet.searches // MAX_PER_SECOND)
                checks.append(now + QUEUED_FOR.total_seconds())
                due += 1
            else:
                break
            number += 1
        now += fleet.timer * max(1, math.ceil(number * each / fleet.timer))


def least_instances(fleet: Fleet, cost: Cost, within: float) -> int | None:
    """Return the fewest instances with which 95 of 100 tenants are synced in time.

    Returns:
        None if no number of instances is enough: something else is the limit.
    """
    needed = None
    for instances in (100, 50, 20, 10, 5, 2, 1):
        outcome = run(replace(fleet, instances=instances), cost)
        if outcome.left or outcome.percentile(95) > within:
            break
        needed = instances
    return needed
