"""Prints tables: the cost of a tenant's sync, and the limits of fleets of three sizes."""

import asyncio
from dataclasses import astuple, replace

from tests.scale.costs import TENANTS, USERS, Cost, measure
from tests.scale.fleet import Fleet, least_instances, run
from tests.scale.prices import Prices, monthly

# Number of tenants, and of processes that share the search for due ones.
FLEETS = ((100, 1), (10_000, 1), (1_000_000, 1), (1_000_000, 16))
WITHIN_SECONDS = 300
MONTHS = (10, 1000, 10_000)
# The size of a user's row and of its share of the search index.
KB_A_USER = 1.0


def _costs(first: Cost, later: Cost) -> None:
    print(f"A sync, measured over {TENANTS} customers of {USERS} users:")
    print("             tables  queues  Graph  tokens  processor s  timer s")
    for name, cost in (("first", first), ("unchanged", later)):
        tables, queues, graph, tokens, seconds, timer = astuple(cost)
        counts = f"{tables:6.1f}  {queues:6.1f}  {graph:5.1f}  {tokens:6.1f}"
        print(f"  {name:10} {counts}  {seconds:11.3f}  {timer:7.3f}")


def _fleets(cost: Cost) -> None:
    print("\nEvery tenant unchanged, each synced once in six hours:")
    print("    tenants  searches  a second  table ops a second  instances  p50 s  p95 s  not found")
    for tenants, searches in FLEETS:
        fleet = Fleet(tenants, 100, searches=searches)
        needed = least_instances(fleet, cost, WITHIN_SECONDS)
        outcome = run(replace(fleet, instances=needed or fleet.instances), cost)
        rate = tenants / fleet.interval
        print(
            f"  {tenants:9,}  {searches:8}  {rate:8.2f}  {rate * cost.tables:18.1f}"
            f"  {needed or 'none':>9}  {outcome.percentile(50):5.0f}  {outcome.percentile(95):5.0f}"
            f"  {outcome.left:9,}"
        )


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
