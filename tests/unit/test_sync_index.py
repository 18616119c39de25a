"""The search index and the roll-up that a sync keeps, and how they heal after a crash."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from domain.ports import PositionLost, SyncedRecord, Unreadable, UserPage
from domain.sync_state import DataSet, RollUp, SyncPhase
from domain.user_block import Entry, entry_of, is_whole
from sync.sync_tenant import sync_tenant
from tests.unit.sync_world import World

REF_KINDS = (DataSet.LICENCES, DataSet.SECURE_SCORE, DataSet.CONDITIONAL_ACCESS)


def user(key: str, name: str = "Adele", *, enabled: bool = True) -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name, "accountEnabled": enabled})


def indexed(world: World) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for (ref, _), known in world.index.rows.items():
        assert ref == world.tenant.ref
        entries |= known.value.entries()
    return entries


def check(world: World) -> None:
    """See that the index and the figures are those of the rows."""
    rows = world.records.rows.get((DataSet.USERS, world.tenant.ref), {})
    assert indexed(world) == {key: entry_of(key, row) for key, row in rows.items()}
    assert is_whole([name for _, name in world.index.rows])
    enabled = sum(row["accountEnabled"] for row in rows.values())
    roll_up = world.state.roll_up
    assert (roll_up.users, roll_up.enabled_users) == (len(rows), enabled)
    assert world.state.data_set(DataSet.USERS).count == len(rows)


def changes(*records: SyncedRecord, removed: tuple[str, ...] = (), link: str = "d") -> UserPage:
    return UserPage(records, removed, delta_link=link)


async def test_the_index_holds_what_the_rows_hold_through_reads_and_changes() -> None:
    world = World()
    world.graph.pages = [[user("a"), user("b", enabled=False)], [user("c")]]
    world.graph.told = [changes(user("d"), removed=("a",))]
    await world.sync()
    check(world)
    world.graph.told = [changes(user("b", "New"), user("c", enabled=False), removed=("x",))]
    await world.sync()
    check(world)
    assert world.state.roll_up.enabled_users == 2
    world.graph.told = [PositionLost()]
    world.graph.pages = [[user("c", "Newer"), user("e")]]
    await world.sync()
    check(world)


async def test_many_users_are_divided_and_a_change_writes_its_block_alone() -> None:
    world = World()
    world.graph.pages = [[user(f"{n}") for n in range(1200)]]
    await world.sync()
    check(world)
    before = dict(world.index.rows)
    assert len(before) == 2
    world.graph.told = [changes(user("7", "New"))]
    await world.sync()
    check(world)
    assert sum(world.index.rows[key] != block for key, block in before.items()) == 1
    before = dict(world.index.rows)
    world.graph.told = [changes(user("7", "New"), removed=("never seen",))]
    await world.sync()
    assert world.index.rows == before
    world.graph.told = [changes(*(user(f"more {n}") for n in range(5100)))]
    await world.sync()
    check(world)
    assert len(world.index.rows) >= 7


async def test_a_read_of_changes_that_breaks_off_is_indexed_as_far_as_it_came() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    await world.sync()

    async def changes_then_fail(link: str) -> Any:
        yield UserPage([user("b")], next_link="half way")
        raise Unreadable("down")

    world.graph.changes = changes_then_fail  # type: ignore[method-assign]  # it breaks off
    state = await world.sync()
    check(world)
    assert state.data_set(DataSet.USERS).delta_link == "half way"


async def test_a_first_read_that_was_put_off_is_indexed_whole() -> None:
    world = World()
    world.graph.pages = [[user("a")], [user("b")], Unreadable("wait", retry_after=90)]
    await world.sync()
    assert indexed(world) == {}
    world.clock.advance(seconds=200)
    world.graph.pages = [[user("a")], [user("b")], [user("c")]]
    await sync_tenant(world.ports, world.tenant.ref)
    check(world)


@pytest.mark.parametrize("form", [None, 0])
async def test_an_index_of_another_form_is_built_anew_from_the_rows(form: int | None) -> None:
    world = World()
    world.graph.pages = [[user(f"{n}") for n in range(1100)]]
    await world.sync()
    known = world.states.rows[world.tenant.ref]
    users = replace(known.value.data_set(DataSet.USERS), indexed=form)
    await world.states.replace(
        replace(known.value.with_data_set(users), roll_up=RollUp()), known.version
    )
    if form is None:
        world.index.rows.clear()
    await world.sync()
    check(world)


class Dead(Exception):
    """The process is no more."""


class Killer:
    """Stops the process after a write that is stored: nothing is written after it."""

    def __init__(self, world: World, at: int) -> None:
        self.writes, self._at = 0, at
        self._patched: list[tuple[Any, str]] = []
        for port, names in (
            (world.states, ("replace", "remove")),
            (world.records, ("write", "delete")),
            (world.index, ("write", "purge")),
        ):
            for name in names:
                self._patched.append((port, name))
                setattr(port, name, self._dying(getattr(port, name)))

    def _dying(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any) -> Any:
            if self.writes >= self._at:
                raise Dead
            self.writes += 1
            result = await write(*args)
            if self.writes == self._at:
                raise Dead
            return result

        return call

    def stop(self) -> None:
        for port, name in self._patched:
            delattr(port, name)


class Feed:
    """What changes, as Graph tells it: all that came after a position, as often as it is asked."""

    def __init__(self, world: World) -> None:
        self.pages: list[UserPage] = []
        world.graph.changes = self._changes  # type: ignore[method-assign]  # by position

    async def _changes(self, link: str) -> AsyncIterator[UserPage]:
        start = int(link.split()[1])
        for number, page in enumerate(self.pages[start:], start + 1):
            here, last = f"delta {number}", number == len(self.pages)
            yield replace(page, next_link=None if last else here, delta_link=here if last else None)
        if start == len(self.pages):
            yield UserPage((), delta_link=link)


async def kill_at_each_write(prepare: Callable[[World], Awaitable[None]]) -> int:
    """Kill a sync after its first write, then after its second; each next sync is whole."""
    kills = 0
    while True:
        world = World()
        await prepare(world)
        pages, told = list(world.graph.pages), list(world.graph.told)
        await world.request()
        killer = Killer(world, kills + 1)
        try:
            await sync_tenant(world.ports, world.tenant.ref)
        except Dead:
            kills += 1
        else:
            check(world)
            return kills
        killer.stop()
        world.clock.advance(minutes=3)  # its lease runs out
        world.graph.pages, world.graph.told = pages, told
        await world.request()
        await sync_tenant(world.ports, world.tenant.ref)
        assert world.state.phase is SyncPhase.SUCCEEDED
        check(world)


async def test_a_first_sync_that_is_killed_at_any_write_leaves_an_index_that_heals() -> None:
    async def prepare(world: World) -> None:
        world.graph.pages = [[user(f"{n}") for n in range(1001)], [user("last")]]
        Feed(world).pages = [changes(removed=("7",))]

    assert await kill_at_each_write(prepare) >= 4


async def test_changes_that_are_killed_at_any_write_leave_an_index_that_heals() -> None:
    async def prepare(world: World) -> None:
        world.graph.pages = [[user(f"{n}") for n in range(950)]]
        feed = Feed(world)
        await world.sync()
        more = [user(f"more {n}", enabled=n % 2 == 0) for n in range(100)]
        feed.pages = [changes(user("1", "New", enabled=False), removed=("2",)), changes(*more)]
        now = world.clock.now

        def later() -> datetime:
            world.clock.advance(seconds=3)
            return now()

        # Time passes, so that the state is written in between as well.
        world.clock.now = later  # type: ignore[method-assign]

    assert await kill_at_each_write(prepare) >= 6


async def test_a_lost_position_that_is_killed_at_any_write_leaves_an_index_that_heals() -> None:
    async def prepare(world: World) -> None:
        world.graph.pages = [[user(f"{n}") for n in range(40)]]
        await world.sync()
        world.graph.told = [PositionLost(), changes()]
        world.graph.pages = [[user(f"{n}", "New") for n in range(20, 60)]]

    assert await kill_at_each_write(prepare) >= 4


async def test_the_roll_up_sums_licences_scores_and_policies() -> None:
    world = World()
    units = {"enabled": 25, "warning": 5, "suspended": 100, "lockedOut": 1}
    world.graph.small = {
        DataSet.LICENCES: [
            SyncedRecord("a", {"prepaidUnits": units, "consumedUnits": 7}),
            SyncedRecord("b", {"prepaidUnits": {"enabled": None}, "consumedUnits": None}),
            SyncedRecord("c", {}),
        ],
        DataSet.SECURE_SCORE: [
            SyncedRecord("2:older", {"currentScore": 1.0, "maxScore": 2.0}),
            SyncedRecord("1:newest", {"currentScore": 40.25, "maxScore": 90.0}),
        ],
        DataSet.CONDITIONAL_ACCESS: [
            SyncedRecord("p", {"state": "enabled"}),
            SyncedRecord("q", {"state": "enabledForReportingButNotEnforced"}),
            SyncedRecord("r", {"state": "enabled"}),
            SyncedRecord("s", {"state": None}),
        ],
    }
    expected = RollUp(0, 0, 30, 7, 40.25, 90.0, 2, 0, 1)
    assert (await world.sync()).roll_up == expected
    # What is not read stays as it was, and a score that Graph has forgotten too.
    world.graph.small = {
        DataSet.LICENCES: Unreadable("denied", "LicenseAssignment.Read.All"),
        DataSet.CONDITIONAL_ACCESS: Unreadable("500"),
    }
    assert (await world.sync()).roll_up == expected
    world.graph.small = {name: [] for name in REF_KINDS}
    emptied = RollUp(0, 0, 0, 0, 40.25, 90.0, 0, 0, 0)
    assert (await world.sync()).roll_up == emptied
