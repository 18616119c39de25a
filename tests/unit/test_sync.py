from datetime import timedelta

import pytest

from domain.errors import StorageUnavailable
from domain.ports import SyncedRecord, Unreadable
from domain.sync_request import request_sync
from domain.sync_state import DataSet, ReadState, SyncPhase, SyncState
from domain.tenant import TenantStatus
from sync.due import is_due, sync_due_tenants
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.fakes.storage import FakeMspStore
from tests.samples import MSP, NOW, OTHER, tenant
from tests.unit.sync_world import World, user

INTERVAL = timedelta(hours=6)


async def test_a_first_sync_stores_every_data_set_and_its_state() -> None:
    world = World()
    world.reader.script = {DataSet.USERS: [[user("a"), user("b")], [user("c")], []]}
    state = await world.sync()
    assert state.phase is SyncPhase.SUCCEEDED
    assert state.first_synced_at == state.last_synced_at == NOW
    assert state.lease_until is None
    assert state.data_set(DataSet.USERS).count == 3
    assert world.users() == ["a", "b", "c"]


async def test_unchanged_rows_are_not_written_and_gone_rows_are_deleted() -> None:
    world = World()
    world.reader.script = {DataSet.USERS: [[user("a"), user("b")]]}
    await world.sync()
    world.reader.script = {DataSet.USERS: [[user("a"), user("c", "New")]]}
    world.records.written = 0
    state = await world.sync()
    assert world.records.written == 1
    assert world.users() == ["a", "c"]
    assert state.data_set(DataSet.USERS).count == 2


@pytest.mark.parametrize(
    ("failure", "read"),
    [
        (Unreadable("denied", "User.Read.All"), ReadState.NOT_AUTHORISED),
        (Unreadable("500"), ReadState.FAILED),
    ],
)
async def test_a_failed_read_wipes_nothing_and_the_others_go_on(
    failure: Unreadable, read: ReadState
) -> None:
    world = World()
    world.reader.script = {DataSet.USERS: [[user("a"), user("b")]]}
    await world.sync()
    world.reader.script = {DataSet.USERS: [[user("a")], failure]}
    world.clock.advance(hours=1)
    state = await world.sync()
    assert state.phase is SyncPhase.PARTIAL
    users = state.data_set(DataSet.USERS)
    assert (users.state, users.count, users.synced_at) == (read, 2, NOW)
    assert users.missing_permission == failure.missing_permission
    assert world.users() == ["a", "b"]
    assert state.data_set(DataSet.LICENCES).state is ReadState.SUCCEEDED


async def test_a_sync_in_which_nothing_could_be_read_is_no_first_sync() -> None:
    world = World()
    world.reader.script = {name: [Unreadable("down")] for name in DataSet}
    state = await world.sync()
    assert (state.phase, state.first_synced_at) == (SyncPhase.FAILED, None)


async def test_a_removed_or_suspended_tenant_is_not_synced() -> None:
    for changes in ({"status": TenantStatus.SUSPENDED}, {"epoch": "another"}):
        world = World()
        ref = world.tenant.ref
        world.store.rows.clear()
        world.store = FakeMspStore(MSP, tenant(**changes))
        world.ports = SyncPorts(
            world.store, world.states, world.records, world.reader, world.queues, world.clock
        )
        await sync_tenant(world.ports, ref)
        assert world.states.rows == {}


async def test_secure_scores_stay_for_ninety_days_though_graph_forgets_them() -> None:
    world = World()
    days = (0, 89, 90, 91)
    keys = [f"{day:07d}:{(NOW - timedelta(days=day)).date().isoformat()}" for day in days]
    world.reader.script = {DataSet.SECURE_SCORE: [[SyncedRecord(key, {}) for key in keys]]}
    await world.sync()
    world.reader.script = {DataSet.SECURE_SCORE: [[SyncedRecord(keys[0], {})]]}
    state = await world.sync()
    assert sorted(world.records.rows[DataSet.SECURE_SCORE, world.tenant.ref]) == keys[:3]
    assert state.data_set(DataSet.SECURE_SCORE).count == 3


async def test_one_tenants_trouble_does_not_hold_up_the_next() -> None:
    world = World(tenant(), tenant(OTHER))
    add = world.states.add

    async def add_but_one(state: SyncState) -> str:
        if state.ref == world.tenant.ref:
            raise StorageUnavailable("no answer")
        return await add(state)

    world.states.add = add_but_one  # type: ignore[method-assign]  # one partition is down
    assert await sync_due_tenants(world.ports, INTERVAL) == 1
    assert [ref.tenant_id for ref in world.queues.syncs] == [OTHER]


async def test_a_sync_is_queued_once_while_one_is_under_way() -> None:
    world = World()
    for _ in range(3):
        await request_sync(world.states, world.queues, world.tenant.ref, world.clock.now())
    assert len(world.queues.syncs) == 1
    world.clock.advance(minutes=5)
    await request_sync(world.states, world.queues, world.tenant.ref, world.clock.now())
    assert len(world.queues.syncs) == 2


async def test_only_active_tenants_are_due_and_only_once() -> None:
    world = World(tenant(), tenant(OTHER, status=TenantStatus.OFFBOARDED))
    assert await sync_due_tenants(world.ports, INTERVAL) == 1
    assert await sync_due_tenants(world.ports, INTERVAL) == 0
    assert world.queues.syncs == [world.tenant.ref]


@pytest.mark.parametrize(
    ("phase", "age", "lease", "due"),
    [
        (SyncPhase.SUCCEEDED, 5.9, None, False),
        (SyncPhase.SUCCEEDED, 6.7, None, True),
        (SyncPhase.FAILED, 6.7, None, True),
        (SyncPhase.RUNNING, 0, 1, False),
        (SyncPhase.RUNNING, 0, -1, True),
        (SyncPhase.PENDING, 0.01, None, False),
        (SyncPhase.PENDING, 0.1, None, True),
    ],
)
def test_what_is_due(phase: SyncPhase, age: float, lease: float | None, due: bool) -> None:
    then = NOW - timedelta(hours=age)
    until = NOW + timedelta(minutes=lease) if lease else None
    state = SyncState(tenant().ref, phase, then, until, then, then)
    assert is_due(tenant(), state, NOW, INTERVAL) is due
