"""A purge of any size fits its invocations, survives any crash, and deletes no others' rows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.audit import AuditEvent
from domain.digest import to_stored
from domain.identifiers import Epoch, TenantId, TenantRef
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.row_changes import Versioned
from domain.sync_state import SyncPhase, SyncState
from domain.user_block import UserBlock
from domain.work_queues import PURGE_TENANT
from tenants.purge import Pace, PurgePorts, purge_tenant
from tests.fakes.fuse import Died, Fuse
from tests.fakes.outside import FakeQueues, FixedClock
from tests.fakes.portfolio import FakeUserIndex, FakeWholeReads
from tests.fakes.records import FakeSyncedRecords, FakeTenantData
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeSyncStates
from tests.samples import CONTOSO, FABRIKAM, MSP, NOW, OTHER, tenant
from work.requeue import WorkPorts, requeue_work

REMOVED = tenant().ref
# Rows that a purge must keep: of the tenant added again, of another MSP, and of a neighbour.
OTHERS = (
    replace(REMOVED, epoch=Epoch("later")),
    replace(REMOVED, msp_id=FABRIKAM),
    replace(REMOVED, tenant_id=TenantId(OTHER)),
)


class World:
    """A removed tenant with its records, and other tenants' records."""

    def __init__(self, users: int, fuse: Fuse | None = None) -> None:
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.store, self.pending_work = FakeMspStore(MSP), FakePendingWork()
        self.states, self.records = FakeSyncStates(), FakeSyncedRecords()
        self.tenant_data = FakeTenantData()
        self.index = FakeUserIndex()
        self.whole_reads = FakeWholeReads()
        self.ports = self.guarded(fuse or Fuse())
        self.fill(REMOVED, users)
        for ref in OTHERS:
            self.fill(ref, 3)

    def guarded(self, fuse: Fuse) -> PurgePorts:
        return PurgePorts(
            msps=fuse.guard(self.store),
            sync_states=fuse.guard(self.states),
            records=fuse.guard(self.records),
            tenant_data=fuse.guard(self.tenant_data),
            pending_work=fuse.guard(self.pending_work),
            queues=fuse.guard(self.queues),
            clock=self.clock,
            user_index=fuse.guard(self.index),
            whole_reads=fuse.guard(self.whole_reads),
        )

    def fill(self, ref: TenantRef, users: int) -> None:
        self.records.rows[ref] = {str(n): {} for n in range(users)}
        self.tenant_data.rows[ref] = {"licences": {"sku": {"id": "sku"}}}
        self.index.rows[ref, ""] = Versioned(UserBlock.of("", []), "1")

    async def removed(self) -> None:
        await self.pending_work.record(PendingWork(PURGE_TENANT, REMOVED, NOW))
        await self.queues.send(PURGE_TENANT, REMOVED)

    async def drain(self, ports: PurgePorts | None = None, pace: Pace | None = None) -> int:
        """Process every message on the queue; return how many there were."""
        messages = 0
        while self.queues.purges:
            # As in the real queue, a message is deleted after it has been processed.
            await purge_tenant(ports or self.ports, self.queues.purges[0], f"m-{messages}", pace)
            self.queues.purges.pop(0)
            messages += 1
            self.clock.advance(seconds=130)
        return messages

    def left(self) -> dict[Any, Any]:
        indexed = {("index", ref): block for (ref, _), block in self.index.rows.items()}
        users = {("users", ref): rows for ref, rows in self.records.rows.items() if rows}
        data = {("data", ref): rows for ref, rows in self.tenant_data.rows.items() if rows}
        return users | data | indexed

    def others(self) -> dict[Any, Any]:
        return {key: rows for key, rows in self.left().items() if key[1] in OTHERS}


async def test_a_hundred_thousand_users_go_in_bounded_steps_with_few_events() -> None:
    world = World(100_000)
    others = world.others()
    await world.removed()
    assert await world.drain() == 6
    assert world.left() == others
    assert world.pending_work.rows == {}
    actions = world.store.actions(CONTOSO)
    assert actions.count("tenant.purge_progress") <= 4
    assert actions.count("tenant.purged") == 1
    rows = [commit[0].row for commit in world.store.commits]
    events = [row for row in rows if isinstance(row, AuditEvent)]
    (purged,) = [event for event in events if event.action == "tenant.purged"]
    assert purged.before == {"operations": 0, "users": 100_000, "tenantData": 1}


async def test_a_step_ends_when_its_time_is_up() -> None:
    world = World(5000)
    purge = world.records.purge

    async def slow(ref: TenantRef, most: int) -> int:
        world.clock.advance(seconds=40)
        return await purge(ref, most)

    world.records.purge = slow  # type: ignore[method-assign]  # an overloaded store
    await world.removed()
    await purge_tenant(world.ports, REMOVED, "m")
    assert len(world.records.rows[REMOVED]) == 3000
    await world.drain()
    assert world.left() == world.others()


async def test_progress_is_told_at_each_doubling_and_no_more() -> None:
    world = World(45_000)
    await world.removed()
    await world.drain(pace=Pace(rows=2000))
    assert world.store.actions(CONTOSO).count("tenant.purge_progress") == 3


async def test_a_message_that_comes_again_says_nothing_new() -> None:
    world = World(10)
    await world.removed()
    await world.drain()
    await world.queues.send(PURGE_TENANT, REMOVED)
    await world.drain()
    assert world.store.actions(CONTOSO) == ["tenant.purged"]


async def test_until_when_a_sync_may_write_outlives_a_crash_and_a_redelivery() -> None:
    until = NOW + timedelta(minutes=2)
    for at in (4, 5, 6, 7):
        world = World(10)
        await world.states.add(SyncState(REMOVED, SyncPhase.RUNNING, NOW, lease_until=until))
        await world.removed()
        with pytest.raises(Died):
            await world.drain(world.guarded(Fuse(at, after=True)))
        await requeue_work(
            WorkPorts(
                msps=world.store,
                pending_work=world.pending_work,
                queues=world.queues,
                clock=world.clock,
            ),
            timedelta(minutes=-1),
        )
        await purge_tenant(world.ports, REMOVED, "again")
        # The worker's last write, made under its lease.
        await world.records.write(REMOVED, [to_stored(SyncedRecord("z", {"n": 0}))])
        world.clock.advance(minutes=3)
        await world.drain()
        assert world.left() == world.others()


async def test_killed_at_any_call_it_is_complete_in_the_end_and_takes_nothing_else() -> None:
    fuse, pace = Fuse(), Pace(rows=1000)
    whole = World(2200, fuse)
    await whole.removed()
    await whole.drain(pace=pace)
    points = [(at, after) for at in range(1, fuse.calls + 1) for after in (False, True)]
    assert len(points) >= 30
    for at, after in points:
        world = World(2200)
        others = world.others()
        await world.removed()
        with pytest.raises(Died):
            await world.drain(world.guarded(Fuse(at, after=after)), pace)
        await _recover(world, pace)
        assert world.left() == others, (at, after)
        assert world.pending_work.rows == {}, (at, after)


async def _recover(world: World, pace: Pace) -> None:
    """Make the message visible again, and let the timer find the pending work."""
    await world.drain(pace=pace)
    world.clock.advance(minutes=5)
    after = timedelta(minutes=2)
    await requeue_work(
        WorkPorts(
            msps=world.store,
            pending_work=world.pending_work,
            queues=world.queues,
            clock=world.clock,
        ),
        after,
    )
    await world.drain(pace=pace)
