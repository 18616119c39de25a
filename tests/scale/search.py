"""The search for due tenants, simulated run by run: timer, messages of each partition, instances.

The rules are the product's (`sync/due_tenants.py`, `host.json`) and the costs are measured
(`tests.scale.costs`). What cannot be measured without Azure is a field of `Fleet`.
"""

import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from adapters.tables.sync_schedule import PARTITIONS
from domain.sync_request import QUEUED_FOR
from sync.due_tenants import MAX_PER_MESSAGE, MAX_PER_SECOND
from tests.scale.costs import Cost

# host.json: concurrent messages in an instance, batchSize plus the threshold of half of it.
SLOTS = 16 + 8
# https://learn.microsoft.com/azure/azure-functions/functions-target-based-scaling
# Each function of a Flex Consumption app has instances of its own: one for each batch of messages.
BATCH = 16
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet, and the assumed durations of services.

    Args:
        tenants: Number of tenants, all of them customers.
        instances: Number of instances that sync, with one core each.
        searchers: Number of instances that search, with one core each.
        interval: Seconds between two syncs of a tenant.
        timer: Seconds between two searches for due tenants.
        table_seconds: Duration of a table operation, within a region.
        page_seconds: Duration of reading a page of 1,000 entries of the schedule.
        graph_seconds: Duration of a request to Graph or to Entra.
        pick_up_seconds: Time after which the host receives a message, at most.
    """

    tenants: int
    instances: int
    searchers: int = 1
    interval: float = 6 * 3600
    timer: float = 120
    table_seconds: float = 0.01
    page_seconds: float = 0.05
    graph_seconds: float = 0.2
    pick_up_seconds: float = 2

    def seconds_of(self, cost: Cost) -> float:
        """Return how long one sync takes on an otherwise idle core."""
        waiting = cost.tables * self.table_seconds
        waiting += (cost.graph + cost.tokens) * self.graph_seconds
        return cost.processor_seconds + waiting

    @property
    def in_time(self) -> float:
        """The longest time from when a tenant is due to when its sync must be queued.

        A period of the timer until a search begins, and a period for the search: the next one
        begins with what has become due since.
        """
        return 2 * self.timer


class Found(NamedTuple):
    """A due tenant that was found; times in seconds.

    Args:
        due: When it was due.
        queued: When its sync was queued.
        visible: When a worker may receive the message.
    """

    due: float
    queued: float
    visible: float


def messages(entries: int) -> int:
    """Return how many messages search this number of entries, distributed over all partitions."""
    return PARTITIONS * max(1, math.ceil(entries / PARTITIONS / MAX_PER_MESSAGE))


def entries_of_a_run(fleet: Fleet) -> int:
    """Return how many entries are due at each run of the timer, if no run leaves any."""
    return math.ceil(2 * fleet.tenants * fleet.timer / fleet.interval)


def search(fleet: Fleet, cost: Cost) -> Iterator[Found]:
    """Make each tenant due once in an interval, evenly distributed; yield those that are found.

    Each sync has two entries: one for its due time, and one that is checked three minutes later, in
    case its message was lost. Each run searches what is due then. Messages that no instance has
    taken before the next run have expired by then, and their entries are searched by that run.
    """
    gap, wait = fleet.interval / fleet.tenants, QUEUED_FOR.total_seconds()
    checks = deque(number * gap for number in range(int(wait / gap)))  # of earlier syncs
    due, now, open_due = 0, fleet.timer, deque[float]()
    while now <= fleet.interval + fleet.timer:
        while due < fleet.tenants and due * gap <= now:
            open_due.append(due * gap)
            due += 1
        found = list(_run(fleet, cost, now, _first(open_due, checks, now, _capacity(fleet, cost))))
        checks.extend(one.queued + wait for one in sorted(found, key=lambda one: one.queued))
        yield from sorted(found, key=lambda one: one.visible)
        now += fleet.timer


def _capacity(fleet: Fleet, cost: Cost) -> int:
    """Return how many entries the instances handle in a period."""
    return int(fleet.searchers * fleet.timer / _seconds_of_an_entry(cost))


def _seconds_of_an_entry(cost: Cost) -> float:
    return cost.search_seconds / 2


def _first(
    due: deque[float], checks: deque[float], now: float, most: int
) -> list[tuple[float, bool]]:
    """Take the oldest entries: each with its time, and whether it is a check."""
    taken = list[tuple[float, bool]]()
    while len(taken) < most:
        is_check = bool(checks) and checks[0] <= (due[0] if due else now)
        if not is_check and not due:
            break
        taken.append(((checks if is_check else due).popleft(), is_check))
    return taken


def _run(
    fleet: Fleet, cost: Cost, now: float, entries: Sequence[tuple[float, bool]]
) -> Iterator[Found]:
    """Search the entries of one run; messages on one instance share its core evenly."""
    each, number_of_messages = _seconds_of_an_entry(cost), messages(len(entries))
    at_once = min(SLOTS, math.ceil(number_of_messages / fleet.searchers))
    pages = math.ceil(len(entries) / PARTITIONS / _PAGE)
    # The message of a partition, and then those that it sends for the rest of its entries.
    begin = now + 2 * fleet.pick_up_seconds + pages * fleet.page_seconds
    queued = Counter[int]()
    for number, (due, is_check) in enumerate(entries):
        part, position = divmod(number // PARTITIONS, MAX_PER_MESSAGE)
        message = part * PARTITIONS + number % PARTITIONS
        earlier = message // (SLOTS * fleet.searchers) * MAX_PER_MESSAGE
        handled = begin + (earlier + position + 1) * at_once * each
        if not is_check:
            yield Found(due, handled, handled + queued[message] // MAX_PER_SECOND)
            queued[message] += 1


def least_searchers(fleet: Fleet, cost: Cost, most: int = 1000) -> int | None:
    """Return the fewest instances with which every due tenant is found in time.

    Returns:
        None if `most` instances are not enough.
    """
    a_second = 2 * fleet.tenants / fleet.interval * _seconds_of_an_entry(cost)
    for searchers in range(max(1, int(a_second)), most + 1):
        found = list(search(replace(fleet, searchers=searchers), cost))
        is_complete = len(found) == fleet.tenants
        if is_complete and max(one.queued - one.due for one in found) <= fleet.in_time:
            return searchers
    return None
