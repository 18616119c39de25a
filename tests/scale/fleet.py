"""A fleet that keeps tenants in sync, simulated event by event: search, queue, instances."""

import heapq
import statistics
from dataclasses import dataclass, replace

from tests.scale.costs import Cost
from tests.scale.search import SLOTS, Fleet, search


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one interval.

    Args:
        found: Seconds from when each tenant was due to when its sync was queued, sorted.
        lags: Seconds from when each tenant was due to the end of its sync, sorted.
        left: Tenants that were due and not yet found at the end of the interval.
    """

    found: list[float]
    lags: list[float]
    left: int


def percentile(sorted_seconds: list[float], percent: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(sorted_seconds, n=100, method="inclusive")[percent - 1]


def run(fleet: Fleet, cost: Cost) -> Outcome:
    """Make each tenant due once in an interval, evenly distributed, and sync it."""
    seconds = fleet.seconds_of(cost)
    # As many at once as keep the core busy while the others wait.
    slots = min(SLOTS, max(1, int(seconds / cost.processor_seconds)))
    free = [0.0] * (fleet.instances * slots)
    found, lags = list[float](), list[float]()
    for one in search(fleet, cost):
        # The message takes the first slot that becomes free.
        end = max(one.visible, free[0]) + seconds
        heapq.heapreplace(free, end)
        found.append(one.queued - one.due)
        lags.append(end - one.due)
    return Outcome(sorted(found), sorted(lags), fleet.tenants - len(lags))


def least_instances(fleet: Fleet, cost: Cost, within: float) -> int | None:
    """Return the fewest syncing instances with which 95 of 100 tenants are synced in time.

    Returns:
        None if no number of instances is enough: something else is the limit.
    """
    needed = None
    for instances in (200, 100, 50, 20, 10, 5, 2, 1):
        outcome = run(replace(fleet, instances=instances), cost)
        if outcome.left or percentile(outcome.lags, 95) > within:
            break
        needed = instances
    return needed
