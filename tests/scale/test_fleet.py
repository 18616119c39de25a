from dataclasses import replace

from sync.due_tenants import MAX_PER_MESSAGE, MAX_PER_SECOND
from tests.scale.costs import Cost
from tests.scale.fleet import Fleet, least_instances, run

COST = Cost(tables=16, queues=1, graph=2, tokens=1, processor_seconds=0.15, timer_seconds=0.04)


def test_each_tenant_is_synced_once_and_no_sooner_than_it_can_be() -> None:
    fleet = Fleet(tenants=2000, instances=1)
    outcome = run(fleet, COST)
    assert (len(outcome.lags), outcome.left) == (2000, 0)
    assert outcome.lags[0] >= fleet.seconds_of(COST)
    assert (
        outcome.lags[-1] <= fleet.timer + fleet.seconds_of(COST) + MAX_PER_MESSAGE / MAX_PER_SECOND
    )


def test_too_few_instances_fall_behind_and_more_keep_up() -> None:
    fleet = Fleet(tenants=10_000, instances=1, interval=1200)
    assert run(fleet, COST).percentile(95) > 200
    assert least_instances(fleet, COST, within=150) == 2


def test_no_number_of_instances_makes_up_for_a_search_that_is_too_slow() -> None:
    fleet = Fleet(tenants=40_000, instances=100, interval=1200)
    assert run(fleet, COST).left > 0
    assert least_instances(fleet, COST, within=300) is None
    assert run(replace(fleet, searches=16), COST).left == 0
