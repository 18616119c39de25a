"""A sync that dies after any of its writes: the next sync repairs the search index and roll-up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.ports.graph_reader import PositionLost, UserPage
from domain.sync_state import SyncPhase
from sync.sync_tenant import sync_tenant
from tests.fakes.indexed import changes, check, user
from tests.fakes.sync_world import World


class Dead(Exception):
    """The process has died."""


class Killer:
    """Stops the process after a stored write: nothing is written after it."""

    def __init__(self, world: World, at: int) -> None:
        self.writes, self._at = 0, at
        self._patched: list[tuple[Any, str]] = []
        for port, names in (
            (world.states, ("replace", "remove")),
            (world.records, ("write", "delete")),
            (world.tenant_data, ("write", "purge")),
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
    """Changes as Graph reports them: each read returns everything after a position, repeatably."""

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
    """Kill a sync after its first write, then after its second, ...; each next sync succeeds."""
    kills = 0
    while True:
        world = World()
        await prepare(world)
        pages, told = list(world.graph.pages), list(world.graph.changed)
        world.clock.advance(seconds=1)  # A request at the same time asks for nothing.
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
        world.graph.pages, world.graph.changed = pages, told
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

        # Time passes, so that the state is also written in between.
        world.clock.now = later  # type: ignore[method-assign]

    assert await kill_at_each_write(prepare) >= 6


async def test_a_lost_position_that_is_killed_at_any_write_leaves_an_index_that_heals() -> None:
    async def prepare(world: World) -> None:
        world.graph.pages = [[user(f"{n}") for n in range(40)]]
        await world.sync()
        world.graph.changed = [PositionLost(), changes()]
        world.graph.pages = [[user(f"{n}", "New") for n in range(20, 60)]]

    assert await kill_at_each_write(prepare) >= 4
