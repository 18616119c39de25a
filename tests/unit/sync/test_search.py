"""The search for due tenants, shared by messages that may repeat, overlap, be lost or die."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.fan_out import MessagesNotSent
from core.sync_requests import SyncRequests
from domain.errors import StorageUnavailable
from domain.identifiers import Epoch, ScheduleRange, TenantId
from domain.messages import read_schedule_range, write_schedule_range
from domain.work_queues import FIND_DUE_TENANTS
from sync.due_tenants import MAX_PER_MESSAGE, find_due_tenants, search_partitions
from sync.sync_tenant import SyncPorts
from tests.fakes.fuse import Died, Fuse
from tests.fakes.sync_world import World
from tests.samples import tenant

INTERVAL = timedelta(hours=6)


class Fleet(World):
    """Tenants that are all due."""

    def __init__(self, tenants: int) -> None:
        ids = [TenantId(f"{number:08d}-0000-4000-8000-000000000000") for number in range(tenants)]
        super().__init__(*(tenant(key, epoch=Epoch(f"epoch-of-{key}")) for key in ids))
        self.clock.advance(minutes=5)

    def searches(self) -> list[ScheduleRange]:
        """Take the queued searches, as read from their messages."""
        sent, self.queues.others = self.queues.others, []
        assert {name for name, _ in sent} <= {FIND_DUE_TENANTS.name}
        ranges = [within for _, within in sent if isinstance(within, ScheduleRange)]
        return [read_schedule_range(write_schedule_range(within)) for within in ranges]

    async def search(self, within: ScheduleRange, ports: SyncPorts | None = None) -> int:
        return await find_due_tenants(ports or self.ports, within)

    async def run(self) -> int:
        """Fire the timer, and process the searches that follow; return the number of messages."""
        await search_partitions(self.ports)
        number = 0
        while waiting := self.searches():
            number += len(waiting)
            await asyncio.gather(*map(self.search, waiting))
        return number

    def guarded(self, fuse: Fuse) -> SyncPorts:
        """Return the ports of a worker that dies at a call."""
        states, schedule = fuse.guard(self.states), fuse.guard(self.schedule)
        requests = SyncRequests(states, schedule, fuse.guard(self.queues))
        return replace(self.ports, states=states, schedule=schedule, requests=requests)

    def check_schedule(self) -> None:
        """Check that each tenant's state names an entry that exists, so that it is found again."""
        due = {(entry.ref, entry.due_at) for entry in self.schedule.entries}
        known = [version.value for version in self.states.rows.values()]
        assert {(state.ref, state.due_at) for state in known} <= due

    @property
    def queued(self) -> Counter[int]:
        """How many tenants were queued how often."""
        return Counter(Counter(self.queues.syncs).values())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Messages of three entries each."""
    monkeypatch.setattr("sync.due_tenants.MAX_PER_MESSAGE", 3)
    return 3


async def test_the_timer_queues_one_search_for_each_partition_and_reads_nothing() -> None:
    fleet = Fleet(10)

    async def read(*_: Any) -> Any:
        raise AssertionError("the timer read the schedule")

    fleet.schedule.due = read  # type: ignore[method-assign, assignment]  # for this test
    await search_partitions(fleet.ports)
    assert fleet.searches() == fleet.schedule.partitions()
    assert fleet.queues.syncs == []


async def test_many_due_tenants_are_shared_by_as_many_messages_as_they_need() -> None:
    fleet = Fleet(MAX_PER_MESSAGE * 5)
    assert await fleet.run() in {6, 7}  # the two partitions are not of the same size
    assert fleet.queued == {1: MAX_PER_MESSAGE * 5}
    fleet.check_schedule()
    assert max(fleet.queues.delays) < 100


async def test_each_message_handles_no_more_than_its_share(small: int) -> None:
    fleet = Fleet(20)
    handled = [await fleet.search(within) for within in fleet.schedule.partitions()]
    assert handled == [small, small]
    assert {await fleet.search(within) for within in fleet.searches()} <= {small, small - 1, 1}
    assert fleet.searches() == []
    assert fleet.queued == {1: 20}


@pytest.mark.usefixtures("small")
async def test_searches_that_repeat_and_overlap_queue_each_tenant_once() -> None:
    fleet = Fleet(20)
    runs = [fleet.run() for _ in range(5)]
    whole = [fleet.search(within) for within in fleet.schedule.partitions()]
    await asyncio.gather(*runs, *whole)
    await fleet.run()
    assert fleet.queued == {1: 20}
    fleet.check_schedule()


@pytest.mark.usefixtures("small")
async def test_a_search_whose_message_is_lost_is_queued_by_the_next_run() -> None:
    fleet = Fleet(20)
    await search_partitions(fleet.ports)
    lost = fleet.searches()
    await fleet.search(lost[0])
    fleet.searches()  # these are lost too
    await fleet.run()
    assert fleet.queued == {1: 20}


@pytest.mark.usefixtures("small")
async def test_a_search_that_comes_late_finds_what_is_left_of_its_range() -> None:
    fleet = Fleet(20)
    await fleet.search(fleet.schedule.partitions()[0])
    late = fleet.searches()
    await fleet.run()
    fleet.clock.advance(minutes=1)
    assert [await fleet.search(within) for within in late] == [0] * len(late)
    assert fleet.queued == {1: 20}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("after", [False, True])
async def test_a_search_that_dies_at_any_call_loses_no_tenant(*, after: bool) -> None:
    whole, fuse = Fleet(8), Fuse()
    partition = whole.schedule.partitions()[0]
    await whole.search(partition, whole.guarded(fuse))
    assert fuse.calls > 10
    for call in range(1, fuse.calls + 1):
        fleet = Fleet(8)
        with pytest.raises((BaseExceptionGroup, Died)):
            await fleet.search(partition, fleet.guarded(Fuse(call, after=after)))
        fleet.check_schedule()
        await fleet.search(partition)  # the host delivers it again
        await fleet.run()
        fleet.clock.advance(minutes=4)  # a message to sync that was not sent counts as lost by then
        await fleet.run()
        assert len(set(fleet.queues.syncs)) == 8
        fleet.check_schedule()


async def test_a_partition_whose_message_is_refused_does_not_stop_the_others() -> None:
    fleet = Fleet(10)
    refused, *others = fleet.schedule.partitions()
    send = fleet.queues.send

    async def sends_some(queue: Any, subject: Any, delay_seconds: int = 0) -> None:
        if subject == refused:
            raise StorageUnavailable
        await send(queue, subject, delay_seconds)

    fleet.queues.send = sends_some  # type: ignore[method-assign]  # for this test
    with pytest.raises(MessagesNotSent, match="1 messages in find-due-tenants"):
        await search_partitions(fleet.ports)
    assert fleet.searches() == others
