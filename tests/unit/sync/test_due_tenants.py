from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.data_sets.identity import LICENCES
from domain.errors import StorageUnavailable
from domain.row_changes import Versioned
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant, TenantStatus
from sync.sync_tenant import sync_tenant
from tests.due import find_due
from tests.fakes.sync_world import World
from tests.samples import CONTOSO, NOW, OTHER, tenant

INTERVAL = timedelta(hours=6)


async def due(world: World, **later: float) -> int:
    world.clock.advance(**later)
    return await find_due(world.ports)


async def test_a_tenant_that_nobody_asked_a_sync_for_is_found() -> None:
    world = World()
    assert await due(world, minutes=2) == 0
    assert await due(world, minutes=3) == 1
    assert world.queues.syncs == [world.tenant.ref]
    assert await due(world, minutes=1) == 0


async def test_a_tenant_is_synced_again_after_the_interval_and_no_sooner() -> None:
    world = World()
    world.read_only(LICENCES)
    await world.sync()
    assert await due(world, minutes=5) == 0
    assert await due(world, hours=5) == 0
    assert await due(world, hours=1, minutes=40) == 1
    await sync_tenant(world.ports, world.tenant.ref)
    assert len(world.schedule.entries) == 1
    assert await due(world, minutes=5) == 0


async def test_a_message_that_was_lost_is_sent_again_less_and_less_often() -> None:
    world = World()
    await world.request()
    sent = [minute for minute in range(1, 61) if await due(world, minutes=1)]
    assert sent == [3, 6, 12, 24, 48]
    assert len(world.schedule.entries) == 1


async def test_a_worker_that_died_is_noticed_when_its_lease_is_over() -> None:
    world = World()
    await world.request()

    async def die(*_: Any) -> None:
        raise SystemExit

    world.graph.delta_link = die  # type: ignore[method-assign, assignment]  # a kill
    with pytest.raises(SystemExit):
        await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.lease_until == NOW + timedelta(minutes=2)
    assert await due(world, minutes=1) == 0
    assert await due(world, minutes=3) == 1


async def test_a_tenant_that_is_not_active_stays_in_the_schedule_unsynced() -> None:
    world = World(tenant(status=TenantStatus.SUSPENDED))
    assert await due(world, minutes=5) == 0
    (entry,) = world.schedule.entries
    assert entry.due_at == world.clock.now() + INTERVAL
    world.store.rows.clear()
    assert await due(world, hours=7) == 0
    assert world.schedule.entries == set()


async def test_a_request_that_met_a_suspended_tenant_does_not_hold_up_the_next() -> None:
    world = World()
    await world.request()
    (known,) = world.store.of_kind(Tenant, CONTOSO)
    key = (CONTOSO, "Tenant", known.value.tenant_id)
    suspended = replace(known.value, status=TenantStatus.SUSPENDED)
    world.store.rows[key] = Versioned(suspended, "suspended")
    await sync_tenant(world.ports, world.tenant.ref)
    assert await due(world, minutes=5) == 0
    world.store.rows[key] = Versioned(known.value, "resumed")
    await world.request()
    assert len(world.queues.syncs) == 2
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.phase is SyncPhase.SUCCEEDED


async def test_one_tenants_trouble_does_not_hold_up_the_next() -> None:
    world = World(tenant(), tenant(OTHER))
    add = world.states.add

    async def add_but_one(state: SyncState) -> str:
        if state.ref == world.tenant.ref:
            raise StorageUnavailable("no answer")
        return await add(state)

    world.states.add = add_but_one  # type: ignore[method-assign]  # one partition is down
    assert await due(world, minutes=5) == 1
    assert [ref.tenant_id for ref in world.queues.syncs] == [OTHER]
    world.states.add = add  # type: ignore[method-assign]
    assert await due(world, minutes=1) == 1


async def test_a_removed_tenants_entry_goes_and_another_life_keeps_its_own() -> None:
    world = World(tenant(), tenant(OTHER))
    del world.store.rows[CONTOSO, "Tenant", world.tenant.tenant_id]
    assert await due(world, minutes=5) == 1
    assert {entry.ref.tenant_id for entry in world.schedule.entries} == {OTHER}


async def test_a_sync_is_queued_once_while_one_is_under_way() -> None:
    world = World()
    for _ in range(3):
        await world.request()
    assert len(world.queues.syncs) == 1
    world.clock.advance(minutes=5)
    await world.request()
    assert len(world.queues.syncs) == 2


async def test_a_request_for_a_tenant_that_went_leaves_nothing_though_its_message_is_lost() -> None:
    world = World()
    await world.request()
    del world.store.rows[CONTOSO, "Tenant", world.tenant.tenant_id]
    assert await due(world, minutes=3) == 0
    assert world.states.rows == {}
    assert world.schedule.entries == set()


async def test_the_state_of_a_tenant_that_went_stays_while_a_worker_may_still_write() -> None:
    """The purge still has to read the lease's end."""
    world = World()
    await world.request()
    known = world.states.rows[world.tenant.ref]
    leased = replace(known.value, lease_until=world.clock.now() + timedelta(minutes=9))
    world.states.rows[world.tenant.ref] = replace(known, value=leased)
    del world.store.rows[CONTOSO, "Tenant", world.tenant.tenant_id]
    assert await due(world, minutes=3) == 0
    assert world.tenant.ref in world.states.rows


@pytest.mark.parametrize("milliseconds", range(0, 1000, 100))
async def test_a_look_within_the_second_that_a_sync_is_due_loses_no_entry(
    milliseconds: int,
) -> None:
    world = World()
    world.clock.moment += timedelta(milliseconds=milliseconds)
    await world.sync()
    (entry,) = world.schedule.entries
    world.clock.moment = entry.due_at
    await due(world)
    (entry,) = world.schedule.entries
    world.clock.moment = entry.due_at + timedelta(milliseconds=1)
    assert await due(world) == 1
    assert len(world.schedule.entries) == 1
    assert world.state.due_at in {known.due_at for known in world.schedule.entries}


async def test_a_request_that_the_timer_overtakes_is_queued_all_the_same() -> None:
    world = World()
    await world.sync()
    await due(world, minutes=4)
    world.queues.syncs.clear()
    add = world.schedule.add

    async def moved_meanwhile(entry: ScheduledSync) -> None:
        world.schedule.add = add  # type: ignore[method-assign]  # once
        known = world.states.rows[world.tenant.ref]
        moved = replace(known.value, due_at=known.value.due_at)
        await world.states.replace(moved, known.version)
        await add(entry)

    world.schedule.add = moved_meanwhile  # type: ignore[method-assign]  # acts in between
    await world.request()
    assert world.queues.syncs == [world.tenant.ref]


async def test_a_slow_worker_that_renews_beside_the_timer_keeps_its_entry() -> None:
    world = World()
    await world.request()

    async def slow() -> None:
        world.graph.on_read = None
        world.clock.advance(minutes=3, seconds=1)  # its lease has expired
        add = world.schedule.add

        async def renewed_meanwhile(entry: ScheduledSync) -> None:
            world.schedule.add = add  # type: ignore[method-assign]  # once
            known = world.states.rows[world.tenant.ref]
            later = world.clock.now() + timedelta(minutes=2)
            renewed = replace(known.value, lease_until=later)
            await world.states.replace(renewed, known.version)
            await add(entry)

        world.schedule.add = renewed_meanwhile  # type: ignore[method-assign]  # acts in between
        await find_due(world.ports)

    world.graph.on_read = slow
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.due_at in {known.due_at for known in world.schedule.entries}
    world.queues.syncs.clear()
    assert [await due(world, hours=1) for _ in range(8)].count(1) >= 1
