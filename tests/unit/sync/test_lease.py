"""Which worker may write when messages repeat, workers die and tenants are removed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.digest import to_stored
from domain.errors import StorageUnavailable
from domain.identifiers import TenantRef
from domain.ports.graph_reader import PositionLost, UserPage
from domain.ports.synced_records import StoredRecord
from domain.row_changes import Versioned
from domain.sync_state import SyncPhase, SyncState
from domain.tenant import TenantStatus
from sync.failed_messages import record_failed_sync
from sync.sync_tenant import sync_tenant
from tenants.purge import PurgePorts, purge_tenant
from tests.fakes.storage import FakePendingWork
from tests.fakes.sync_world import World, user
from tests.samples import CONTOSO, NOW


async def test_a_worker_that_lost_its_lease_writes_nothing_more() -> None:
    world = World()
    world.graph.pages = [[user("a")]]

    async def stolen(ref: TenantRef, keys: Collection[str] | None = None) -> dict[str, str]:
        world.states.rows.pop(ref, None)
        world.clock.advance(minutes=1)
        return {}

    world.records.digests = stolen  # type: ignore[method-assign]  # the tenant is removed now
    await world.request()
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.users() == []
    assert world.states.rows == {}


async def test_two_workers_with_one_message_do_not_both_sync() -> None:
    world = World()
    await world.request()
    known = world.states.rows[world.tenant.ref]
    held = SyncState(
        world.tenant.ref, SyncPhase.RUNNING, NOW, lease_until=NOW + timedelta(minutes=1)
    )
    await world.states.replace(held, known.version)
    world.graph.pages = [[user("a")]]
    state = await world.sync()
    assert replace(state, asked_again_at=None, wanted_at=None) == held
    assert world.users() == []


async def test_a_message_that_comes_twice_starts_no_second_sync() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    first = await world.sync()
    world.graph.pages = [[user("b")]]
    world.clock.advance(minutes=1)
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.states.rows[world.tenant.ref].value == first
    assert world.users() == ["a"]


async def test_a_removal_between_check_and_lease_leaves_nothing_behind() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    await world.request()
    find = world.states.find

    async def removed_meanwhile(ref: TenantRef) -> Versioned[SyncState] | None:
        world.store.rows.pop((CONTOSO, "Tenant", ref.tenant_id), None)
        return await find(ref)

    world.states.find = removed_meanwhile  # type: ignore[method-assign]  # removes the row
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.users() == []
    assert world.states.rows == {}


async def test_a_request_that_outlived_its_tenant_is_forgotten_but_no_lease_is() -> None:
    for lease, left in ((None, 0), (NOW + timedelta(minutes=1), 1)):
        world = World()
        world.store.rows.pop((CONTOSO, "Tenant", world.tenant.tenant_id))
        await world.states.add(SyncState(world.tenant.ref, SyncPhase.PENDING, NOW, lease))
        await sync_tenant(world.ports, world.tenant.ref)
        assert len(world.states.rows) == left


async def test_a_failure_lets_go_of_the_lease_so_that_the_message_can_come_again() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    write = world.records.write

    async def full(ref: TenantRef, records: Sequence[StoredRecord]) -> None:
        raise StorageUnavailable("no room")

    world.records.write = full  # type: ignore[method-assign]  # storage fails once
    with pytest.raises(StorageUnavailable):
        await world.sync()
    state = world.states.rows[world.tenant.ref].value
    assert (state.phase, state.lease_until) == (SyncPhase.PENDING, None)
    world.records.write = write  # type: ignore[method-assign]
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.states.rows[world.tenant.ref].value.phase is SyncPhase.SUCCEEDED


async def test_a_poison_message_leaves_a_sync_alone_that_is_under_way() -> None:
    world = World()
    held = SyncState(world.tenant.ref, SyncPhase.RUNNING, NOW, NOW + timedelta(minutes=1))
    await world.states.add(held)
    await record_failed_sync(world.ports, world.tenant.ref)
    assert world.states.rows[world.tenant.ref].value == held


async def test_a_poison_message_shows_on_the_tenant() -> None:
    world = World()
    await world.request()
    await record_failed_sync(world.ports, world.tenant.ref)
    assert world.states.rows[world.tenant.ref].value.phase is SyncPhase.FAILED


def purging(world: World, pending_work: FakePendingWork) -> PurgePorts:
    return PurgePorts(
        msps=world.store,
        sync_states=world.states,
        records=world.records,
        tenant_data=world.tenant_data,
        pending_work=pending_work,
        queues=world.queues,
        clock=world.clock,
        user_index=world.index,
        whole_reads=world.whole_reads,
    )


async def test_a_purge_during_a_sync_comes_back_after_the_lease() -> None:
    world, pending_work = World(), FakePendingWork()
    ref = world.tenant.ref
    await world.states.add(
        SyncState(ref, SyncPhase.RUNNING, NOW, lease_until=NOW + timedelta(minutes=1))
    )
    await world.records.write(ref, [to_stored(user("a"))])
    world.store.rows.pop((CONTOSO, "Tenant", world.tenant.tenant_id))

    ports = purging(world, pending_work)

    async def purge() -> None:
        await purge_tenant(ports, ref, "r")

    await purge()
    assert len(world.queues.purges) == len(pending_work.rows) == 1
    await world.records.write(ref, [to_stored(user("late"))])
    world.clock.advance(minutes=2)
    await purge()
    assert world.users() == []
    assert pending_work.rows == {}
    assert world.store.actions(CONTOSO) == ["tenant.purged"]


async def test_a_purge_leaves_a_tenant_alone_that_still_has_its_row() -> None:
    world = World()
    await world.records.write(world.tenant.ref, [to_stored(user("a"))])
    await purge_tenant(purging(world, FakePendingWork()), world.tenant.ref, "r")
    assert world.users() == ["a"]


async def test_a_sync_that_met_a_suspended_tenant_is_queued_anew_when_it_is_back() -> None:
    world = World()
    await world.request()
    key = (CONTOSO, "Tenant", world.tenant.tenant_id)
    active = world.store.rows[key]
    world.store.rows[key] = Versioned(
        replace(active.value, status=TenantStatus.SUSPENDED), active.version
    )
    await sync_tenant(world.ports, world.tenant.ref)
    world.store.rows[key] = active
    await world.request()
    assert len(world.queues.syncs) == 2


async def test_a_poison_message_leaves_a_sync_alone_that_has_succeeded_since() -> None:
    world = World()
    synced = await world.sync()
    await record_failed_sync(world.ports, world.tenant.ref)
    assert world.state == synced


def holds(world: World) -> bool:
    lease = world.state.lease_until
    return lease is not None and lease > world.clock.now()


async def test_the_lease_holds_while_many_rows_are_deleted() -> None:
    world = World()
    world.graph.pages = [[user(f"{n}") for n in range(4000)]]
    await world.sync()
    delete, held = world.records.delete, []

    async def slowly(ref: TenantRef, keys: Sequence[str]) -> None:
        world.clock.advance(seconds=len(keys) / 20)
        held.append(holds(world))
        await delete(ref, keys)

    world.records.delete = slowly  # type: ignore[method-assign]  # a busy partition
    world.graph.changed = [PositionLost()]
    world.graph.pages = [[user("0")]]
    await world.sync()
    world.clock.advance(minutes=15)
    await world.sync()  # this many are deleted after a second read confirms it
    assert world.users() == ["0"]
    assert held == [True] * 4


async def test_the_lease_holds_while_what_changed_during_a_first_read_is_read() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    held = []

    async def slowly(link: str) -> AsyncIterator[UserPage]:
        for page in range(6):
            world.clock.advance(seconds=40)
            await asyncio.sleep(0)
            held.append(holds(world))
            yield UserPage([user("a")], next_link=str(page))

    world.graph.changes = slowly  # type: ignore[method-assign]  # a long read
    assert (await world.sync()).phase is SyncPhase.SUCCEEDED
    assert held == [True] * 6
