from dataclasses import replace

import pytest

from sync.due_tenants import MAX_PER_MESSAGE, MAX_PER_SECOND
from tests.scale.costs import Cost
from tests.scale.fleet import least_instances, percentile, run
from tests.scale.search import (
    BATCH,
    SLOTS,
    Fleet,
    entries_of_a_run,
    least_searchers,
    messages,
    search,
)

COST = Cost(tables=16, queues=1, graph=2, tokens=1, processor_seconds=0.15, search_seconds=0.04)
QUARTER_HOUR = 15 * 60


def test_each_tenant_is_synced_once_and_no_sooner_than_it_can_be() -> None:
    fleet = Fleet(tenants=2000, instances=1)
    outcome = run(fleet, COST)
    assert (len(outcome.lags), outcome.left) == (2000, 0)
    assert outcome.lags[0] >= fleet.seconds_of(COST)
    spread = MAX_PER_MESSAGE / MAX_PER_SECOND
    assert outcome.lags[-1] <= fleet.in_time + fleet.seconds_of(COST) + spread


def test_too_few_instances_fall_behind_and_more_keep_up() -> None:
    fleet = Fleet(tenants=10_000, instances=1, interval=1200)
    assert percentile(run(fleet, COST).lags, 95) > 200
    assert least_instances(fleet, COST, within=180) == 2


def test_no_number_of_syncing_instances_makes_up_for_a_search_that_is_too_slow() -> None:
    fleet = Fleet(tenants=40_000, instances=100, interval=1200)
    assert run(fleet, COST).left > 0
    assert least_instances(fleet, COST, within=300) is None
    assert run(replace(fleet, searchers=2), COST).left == 0


@pytest.mark.parametrize("interval", [6 * 3600, QUARTER_HOUR])
def test_a_million_tenants_are_found_in_time_by_the_instances_that_azure_adds(
    interval: float,
) -> None:
    fleet = Fleet(tenants=1_000_000, instances=1, interval=interval)
    added = messages(entries_of_a_run(fleet)) // BATCH
    found, latest = 0, 0.0
    for one in search(replace(fleet, searchers=added), COST):
        found, latest = found + 1, max(latest, one.queued - one.due)
    assert found == 1_000_000
    assert latest <= fleet.in_time


def test_one_instance_too_few_finds_some_too_late() -> None:
    fleet = Fleet(tenants=100_000, instances=1, interval=QUARTER_HOUR)
    needed = least_searchers(fleet, COST)
    assert needed is not None
    assert needed > 1
    late = list(search(replace(fleet, searchers=needed - 1), COST))
    times = [one.queued - one.due for one in late]
    assert len(late) < 100_000 or max(times) > fleet.in_time


def test_an_instance_with_all_the_messages_that_it_takes_is_done_within_the_period() -> None:
    fleet = Fleet(tenants=1, instances=1)
    assert SLOTS * MAX_PER_MESSAGE * COST.search_seconds / 2 <= fleet.timer
