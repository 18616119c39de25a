"""A stored user follows a change, and nothing that sync writes beside it is lost."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.stored_users import StoredUserUpdates
from domain.errors import ConcurrentChange
from domain.row_changes import Versioned
from domain.sync_state import DataSetState, RollUp, SyncPhase, SyncState
from domain.user_block import UserBlock, entry_of, read_answer
from sync.lease import open_lease
from tests.fakes.outside import FixedClock
from tests.fakes.portfolio import FakeStoredUsers, FakeUserIndex
from tests.fakes.storage import FakeSyncStates
from tests.samples import NOW, tenant

REF = tenant().ref
ADELE: dict[str, Any] = {"id": "a", "displayName": "Adele", "accountEnabled": True}
NESTOR: dict[str, Any] = {"id": "n", "displayName": "Nestor", "accountEnabled": True}


class World:
    """Two users as sync has stored them."""

    def __init__(self) -> None:
        self.users, self.index, self.states = FakeStoredUsers(), FakeUserIndex(), FakeSyncStates()
        self.updates = StoredUserUpdates(self.users, self.index, self.states)
        for user in (ADELE, NESTOR):
            self.users.add(REF, user)
        self.write_block(ADELE, NESTOR)
        roll_up = RollUp(users=2, enabled_users=2, licences_bought=7)
        state = SyncState(REF, SyncPhase.PENDING, NOW, roll_up=roll_up)
        self.states.rows[REF] = Versioned(state, "v")

    def write_block(self, *users: dict[str, Any]) -> None:
        block = UserBlock.of("", [entry_of(user["id"], user) for user in users])
        self.index.rows[REF, ""] = Versioned(block, f"v-{len(self.index.rows)}-{id(block)}")

    @property
    def indexed(self) -> dict[str, Any]:
        answers = self.index.rows[REF, ""].value.answers.split("\n")
        return {found["id"]: found["accountEnabled"] for found in map(read_answer, answers)}


async def test_row_index_and_roll_up_follow() -> None:
    world = World()
    await world.updates.apply(REF, "a", {"id": "a", "accountEnabled": False, "unknown": 1})
    assert world.users.rows[REF, "a"].value == {**ADELE, "accountEnabled": False}
    assert world.indexed == {"a": False, "n": True}
    assert world.index.rows[REF, ""].value.enabled == 1
    roll_up = world.states.rows[REF].value.roll_up
    assert roll_up == RollUp(users=2, enabled_users=1, licences_bought=7)
    versions = dict(world.index.rows), dict(world.states.rows), dict(world.users.rows)
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    assert (world.index.rows, world.states.rows, world.users.rows) == versions


async def test_a_user_who_is_not_stored_is_left_to_sync() -> None:
    world = World()
    before = dict(world.index.rows), dict(world.states.rows)
    await world.updates.apply(REF, "x", {"accountEnabled": False})
    assert (world.index.rows, world.states.rows) == before
    assert (REF, "x") not in world.users.rows


async def test_an_index_that_is_not_complete_is_left_to_sync() -> None:
    world = World()
    world.index.rows[REF, "0"] = world.index.rows.pop((REF, ""))
    before = dict(world.index.rows)
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    assert world.index.rows == before
    assert world.users.rows[REF, "a"].value["accountEnabled"] is False


async def test_what_sync_writes_in_between_is_kept() -> None:
    """Sync writes the row and the block just after each of them was read."""
    world = World()
    find, read = world.users.find, world.index.read
    moved = {**ADELE, "department": "Sales"}
    renamed = {**NESTOR, "displayName": "Nestor Wilke"}

    async def row_changes(*args: Any) -> Any:
        world.users.find = find  # type: ignore[method-assign]  # only once
        known = await find(*args)
        world.users.add(REF, moved)
        return known

    async def block_changes(*args: Any) -> Any:
        world.index.read = read  # type: ignore[method-assign]  # only once
        known = await read(*args)
        world.write_block(moved, renamed)
        return known

    world.users.find = row_changes  # type: ignore[method-assign, assignment]  # a sync beside it
    world.index.read = block_changes  # type: ignore[method-assign, assignment]  # a sync beside it
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    assert world.users.rows[REF, "a"].value == {**moved, "accountEnabled": False}
    assert world.indexed == {"a": False, "n": True}
    assert "nestor wilke" in world.index.rows[REF, ""].value.folded


async def test_a_running_sync_keeps_its_lease() -> None:
    world = World()
    lease = await open_lease(world.states, FixedClock(), REF)
    assert lease is not None
    await lease.record(DataSetState("users"))
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    await lease.end(SyncPhase.SUCCEEDED, NOW)
    assert world.states.rows[REF].value.phase is SyncPhase.SUCCEEDED


async def test_two_changes_at_once_are_both_made() -> None:
    world = World()
    await asyncio.gather(
        *(world.updates.apply(REF, key, {"accountEnabled": False}) for key in ("a", "n"))
    )
    assert world.indexed == {"a": False, "n": False}


async def test_a_row_that_changes_all_the_time_is_left_to_sync() -> None:
    world = World()

    async def never(*_args: Any) -> None:
        raise ConcurrentChange("it has changed")

    world.users.replace = never  # type: ignore[method-assign, assignment]  # another writer is always first
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    assert world.indexed == {"a": True, "n": True}


@pytest.mark.parametrize("roll_up", [RollUp(), RollUp(enabled_users=1)])
async def test_figures_that_sync_has_not_counted_are_not_made_up(roll_up: RollUp) -> None:
    world = World()
    known = world.states.rows[REF]
    world.states.rows[REF] = Versioned(replace(known.value, roll_up=roll_up), known.version)
    await world.updates.apply(REF, "a", {"accountEnabled": False})
    assert world.states.rows[REF].value.roll_up == roll_up
