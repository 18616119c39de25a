"""Prints tables: the cost of a tenant's sync, and the limits of fleets of several sizes."""

import asyncio
import math
from dataclasses import astuple, replace

from tests.scale.costs import TENANTS, USERS, Cost, measure
from tests.scale.fleet import least_instances, percentile, run
from tests.scale.prices import Prices, monthly
from tests.scale.search import BATCH, Fleet, entries_of_a_run, least_searchers, messages

# Number of tenants, and hours between two syncs of a tenant.
FLEETS = ((100, 6.0), (10_000, 6.0), (1_000_000, 6.0), (1_000_000, 1.0), (1_000_000, 0.25))
WITHIN_SECONDS = 300
MONTHS = (10, 1000, 10_000)
# The size of a user's row and of its share of the search index.
KB_A_USER = 1.0


def _costs(first: Cost, later: Cost) -> None:
    print(f"A sync, measured over {TENANTS} customers of {USERS} users:")
    print("             tables  queues  Graph  tokens  processor s  search s")
    for name, cost in (("first", first), ("unchanged", later)):
        tables, queues, graph, tokens, seconds, search = astuple(cost)
        counts = f"{tables:6.1f}  {queues:6.1f}  {graph:5.1f}  {tokens:6.1f}"
        print(f"  {name:10} {counts}  {seconds:11.3f}  {search:8.3f}")


def _fleet(tenants: int, hours: float, cost: Cost) -> None:
    fleet = Fleet(tenants, 1, interval=hours * 3600)
    searches = messages(entries_of_a_run(fleet))
    added, least = math.ceil(searches / BATCH), least_searchers(fleet, cost)
    fleet = replace(fleet, searchers=added)
    needed = least_instances(fleet, cost, WITHIN_SECONDS)
    outcome = run(replace(fleet, instances=needed or 1), cost)
    rate = tenants / fleet.interval
    late = sum(seconds > fleet.in_time for seconds in outcome.found) + outcome.left
    print(
        f"  {tenants:9,}  {hours:5.2f}  {rate:8.3f}  {rate * cost.tables:18.1f}"
        f"  {searches:8,}  {least or 'none':>5}  {added:5}  {needed or 'none':>5}"
        f"  {percentile(outcome.found, 50):7.0f}  {outcome.found[-1]:7.0f}  {late:6,}"
        f"  {percentile(outcome.lags, 50):7.0f}  {percentile(outcome.lags, 95):7.0f}"
    )


def _fleets(cost: Cost) -> None:
    print("\nEvery tenant unchanged. Seconds run from when a tenant is due; it is found in time")
    print("when its sync is queued within two periods of the timer, which are 240 s.")
    print("'least' and 'added' are instances that search: needed, and as Azure adds them.")
    print(
        "    tenants  hours  a second  table ops a second  searches  least  added  syncing"
        "  found p50  found max  late  synced p50  synced p95"
    )
    for tenants, hours in FLEETS:
        _fleet(tenants, hours, cost)


def _months(cost: Cost) -> None:
    print("\nA month in US dollars, at the prices that tests/scale/prices.py assumes:")
    print("    tenants  compute  operations   stored     logs    total")
    for tenants in MONTHS:
        month = monthly(Fleet(tenants, 1), cost, USERS * KB_A_USER, Prices())
        print(
            f"  {tenants:9,}  {month['compute']:7.2f}  {month['operations']:10.2f}"
            f"  {month['stored']:7.2f}  {month['logs']:7.2f}  {sum(month.values()):7.2f}"
        )


async def _run() -> None:
    first, later = await measure()
    _costs(first, later)
    _fleets(later)
    _months(later)


if __name__ == "__main__":
    asyncio.run(_run())
