from datetime import timedelta

import pytest

from domain.identifiers import TenantRef
from domain.ports import SyncedRecord, Unreadable
from domain.sync_request import request_sync
from domain.sync_state import DataSet, ReadState, SyncPhase, SyncState
from domain.tenant import Tenant, TenantStatus
from sync.due import is_due, sync_due_tenants
from sync.poison import record_failed_sync
from sync.sync_tenant import SyncPorts, sync_tenant
from tenants.purge import purge_tenant
from tests.fakes.outside import FakeGraphReader, FakeQueues, FixedClock
from tests.fakes.storage import (
    FakeIntents,
    FakeMspStore,
    FakeSyncedRecords,
    FakeSyncStates,
)
from tests.samples import CONTOSO, MSP, NOW, OTHER, tenant

INTERVAL = timedelta(hours=6)


class World:
    """One MSP with one customer, and a Graph that follows a script."""

    def __init__(self, *tenants: Tenant) -> None:
        self.tenant = tenants[0] if tenants else tenant()
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.store = FakeMspStore(MSP, *(tenants or (self.tenant,)))
        self.states, self.records = FakeSyncStates(), FakeSyncedRecords()
        self.reader = FakeGraphReader()
        self.ports = SyncPorts(
            self.store, self.states, self.records, self.reader, self.queues, self.clock
        )

    async def sync(self) -> SyncState:
        await sync_tenant(self.ports, self.tenant.ref)
        return self.states.rows[self.tenant.ref].value

    def users(self) -> list[str]:
        return sorted(self.records.rows.get((DataSet.USERS, self.tenant.ref), {}))


def user(key: str, name: str = "Adele") -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name})


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


async def test_a_worker_that_lost_its_lease_writes_nothing_more() -> None:
    world = World()
    world.reader.script = {DataSet.USERS: [[user("a")]]}

    async def stolen(data_set: DataSet, ref: TenantRef) -> dict[str, str]:
        world.states.rows.pop(ref, None)
        return {}

    world.records.fingerprints = stolen  # type: ignore[method-assign]  # the tenant is removed now
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.users() == []
    assert world.states.rows == {}


async def test_two_workers_with_one_message_do_not_both_sync() -> None:
    world = World()
    await request_sync(world.states, world.queues, world.tenant.ref, NOW)
    known = world.states.rows[world.tenant.ref]
    held = SyncState(
        world.tenant.ref, SyncPhase.RUNNING, NOW, lease_until=NOW + timedelta(minutes=1)
    )
    await world.states.replace(held, known.version)
    world.reader.script = {DataSet.USERS: [[user("a")]]}
    state = await world.sync()
    assert state == held
    assert world.users() == []


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


async def test_a_poison_message_shows_on_the_tenant_and_in_the_audit_log() -> None:
    world = World()
    await request_sync(world.states, world.queues, world.tenant.ref, NOW)
    await record_failed_sync(world.ports, world.tenant.ref, "request-9")
    assert world.states.rows[world.tenant.ref].value.phase is SyncPhase.FAILED
    assert world.store.actions(CONTOSO) == ["sync.failed"]


async def test_a_purge_during_a_sync_comes_back_after_the_lease() -> None:
    world, intents = World(), FakeIntents()
    ref = world.tenant.ref
    await world.states.add(
        SyncState(ref, SyncPhase.RUNNING, NOW, lease_until=NOW + timedelta(minutes=1))
    )
    await world.records.write(DataSet.USERS, ref, [user("a")])
    world.store.rows.pop((CONTOSO, "Tenant", world.tenant.tenant_id))

    async def purge() -> None:
        await purge_tenant(
            world.store,
            world.states,
            world.records,
            intents,
            world.queues,
            world.clock,
            ref,
            "r",
        )

    await purge()
    assert len(world.queues.purges) == len(intents.rows) == 1
    await world.records.write(DataSet.USERS, ref, [user("late")])
    await purge()
    assert world.users() == []
    assert intents.rows == {}
    assert world.store.actions(CONTOSO) == ["tenant.purged"]


async def test_a_purge_leaves_a_tenant_alone_that_still_has_its_row() -> None:
    world = World()
    await world.records.write(DataSet.USERS, world.tenant.ref, [user("a")])
    await purge_tenant(
        world.store,
        world.states,
        world.records,
        FakeIntents(),
        world.queues,
        world.clock,
        world.tenant.ref,
        "r",
    )
    assert world.users() == ["a"]
