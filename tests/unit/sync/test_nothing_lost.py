"""Stored data is kept until its removal is certain: empty responses, odd records, aborted reads."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from domain.ports.graph_reader import (
    INTERNAL_FAULT,
    PositionLost,
    Reading,
    Records,
    Unreadable,
    UserPage,
)
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import ReadState, SyncPhase
from sync.suspicion import is_suspicious
from sync.sync_tenant import sync_tenant
from tests.due import find_due
from tests.fakes.indexed import changes, check, user
from tests.fakes.sync_world import World

USERS, LICENCES = "users", "licences"


def people(count: int, start: int = 0) -> list[SyncedRecord]:
    return [user(f"u{number:03d}") for number in range(start, count)]


def rows(world: World, name: str) -> Mapping[str, Any]:
    ref = world.tenant.ref
    if name == USERS:
        return world.records.rows.get(ref, {})
    return world.tenant_data.rows.get(ref, {}).get(name, {})


def licences(*keys: str) -> dict[str, Reading]:
    return {LICENCES: Records([SyncedRecord(key, {"skuId": key}) for key in keys])}


def scored(key: str) -> SyncedRecord:
    return SyncedRecord(key, {"createdDateTime": f"{key.partition(':')[2]}T01:00:00Z"})


async def holding(count: int) -> World:
    """Return a world with this many users; Graph loses their position at the next sync."""
    world = World()
    world.graph.pages = [people(count)]
    await world.sync()
    world.graph.changed = [PositionLost()]
    return world


# An empty response is not a deletion.


@pytest.mark.parametrize(
    ("held", "gone", "suspicious"),
    [
        *((120, gone, gone >= 25) for gone in (0, 1, 24, 25, 120)),
        *((4, gone, gone == 4) for gone in (1, 3, 4)),
        *((21, 20, False), (21, 21, True), (22, 21, True), (1000, 200, False), (1000, 201, True)),
        (0, 0, False),
    ],
)
def test_all_or_a_fifth_and_more_than_twenty_are_suspicious(
    held: int, gone: int, suspicious: bool
) -> None:
    assert is_suspicious(held, gone) is suspicious


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (UserPage(()), 0),
        (UserPage((), removed=[record.key for record in people(120)]), 0),
        (UserPage(people(95)), 95),
    ],
)
async def test_a_whole_read_that_would_remove_much_removes_nothing(
    page: UserPage, left: int
) -> None:
    world = await holding(120)
    world.graph.pages = [page]
    state = await world.sync()
    users = state.data_set(USERS)
    assert (state.phase, users.state, users.count) == (SyncPhase.PARTIAL, ReadState.SUSPICIOUS, 120)
    assert f"{left} of the 120 records" in str(users.error)
    assert len(rows(world, USERS)) == 120
    check(world)


async def test_what_a_second_read_confirms_after_a_quarter_of_an_hour_is_removed() -> None:
    world = await holding(120)
    world.graph.pages = [people(3)]
    await world.sync()
    world.clock.advance(minutes=14)
    state = await world.sync()
    assert (state.data_set(USERS).state, len(rows(world, USERS))) == (ReadState.SUSPICIOUS, 120)
    world.clock.advance(minutes=1)
    state = await world.sync()
    assert (state.data_set(USERS).state, len(rows(world, USERS))) == (ReadState.SUCCEEDED, 3)
    assert (state.data_set(USERS).error, state.data_set(USERS).suspected_at) == (None, None)
    check(world)


async def test_what_a_second_read_does_not_confirm_stays() -> None:
    world = await holding(120)
    world.graph.pages = [[]]
    await world.sync()
    world.clock.advance(minutes=20)
    world.graph.pages = [people(119)]
    state = await world.sync()
    assert (state.phase, len(rows(world, USERS))) == (SyncPhase.SUCCEEDED, 119)
    world.graph.changed = [PositionLost()]
    world.graph.pages = [[]]
    state = await world.sync()
    assert state.data_set(USERS).state is ReadState.SUSPICIOUS  # it starts again


@pytest.mark.parametrize("second", [[], people(115, start=25)])
async def test_a_second_read_that_misses_others_confirms_nothing(
    second: list[SyncedRecord],
) -> None:
    world = await holding(120)
    world.graph.pages = [people(90)]
    await world.sync()
    world.clock.advance(minutes=16)
    world.graph.pages = [second]
    for _ in range(2):
        state = await world.sync()
        assert (state.data_set(USERS).state, len(rows(world, USERS))) == (
            ReadState.SUSPICIOUS,
            120,
        )
        world.clock.advance(minutes=7, seconds=30)
    assert (await world.sync()).data_set(USERS).state is ReadState.SUCCEEDED
    assert len(rows(world, USERS)) == len(second)


async def test_a_suspicious_read_is_repeated_when_it_may_be_confirmed_and_not_before() -> None:
    world = await holding(120)
    world.graph.pages = [[]]
    await world.sync()
    for minutes, queued in ((10, 0), (4, 0), (3, 1)):
        world.queues.syncs.clear()
        world.clock.advance(minutes=minutes)
        await find_due(world.ports)
        assert len(world.queues.syncs) == queued
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.users() == []


async def test_a_small_data_set_that_is_empty_of_a_sudden_stays_and_so_do_its_figures() -> None:
    world = World()
    policy = {"state": "enabled"}
    world.graph.small = {
        **licences("a", "b"),
        "conditionalAccessPolicies": Records(
            [SyncedRecord("p", policy), SyncedRecord("q", policy)]
        ),
    }
    before = await world.sync()
    world.graph.small = {}
    world.clock.advance(hours=1)
    state = await world.sync()
    for name in (LICENCES, "conditionalAccessPolicies"):
        assert state.data_set(name).state is ReadState.SUSPICIOUS
        assert "0 of the 2 records" in str(state.data_set(name).error)
        assert len(rows(world, name)) == 2
    assert state.roll_up == before.roll_up
    world.clock.advance(minutes=15)
    state = await world.sync()
    assert (state.phase, state.roll_up.policies_enabled) == (SyncPhase.SUCCEEDED, 0)
    assert rows(world, LICENCES) == {}


async def test_scores_that_would_all_age_out_at_once_have_to_be_confirmed() -> None:
    world = World()
    score = Records([scored("7912345:2026-11-09")])
    world.graph.small = {"secureScore": score}
    await world.sync()
    world.graph.small = {}
    world.clock.advance(days=100)
    state = await world.sync()
    assert state.data_set("secureScore").state is ReadState.SUSPICIOUS
    world.clock.advance(minutes=15)
    await world.sync()
    assert rows(world, "secureScore") == {}


async def test_scores_that_have_aged_while_nothing_was_read_make_no_doubt() -> None:
    world = World()
    old = [scored(f"79{day}:2026-11-{day}") for day in range(10, 20)]
    world.graph.small = {"secureScore": Records(old)}
    await world.sync()
    world.clock.advance(days=130)
    world.graph.small = {"secureScore": Records([scored("70:2027-04-01")])}
    state = await world.sync()
    assert state.data_set("secureScore").state is ReadState.SUCCEEDED
    assert list(rows(world, "secureScore")) == ["70:2027-04-01"]


async def test_a_failure_in_between_does_not_make_a_doubt_begin_again() -> None:
    world = await holding(120)
    world.graph.pages = [[]]
    await world.sync()
    world.graph.pages = [Unreadable("down")]
    await world.sync()
    world.clock.advance(minutes=15)
    world.graph.pages = [[]]
    assert (await world.sync()).data_set(USERS).state is ReadState.SUCCEEDED


# A record that cannot be read affects no other.


async def test_a_user_that_cannot_be_read_is_left_out_and_stays_as_it_was() -> None:
    world = await holding(5)
    world.graph.pages = [UserPage([user("u000", "New")], unreadable=["u001", "u002"])]
    state = await world.sync()
    assert world.users() == ["u000", "u001", "u002"]
    assert rows(world, USERS)["u000"]["displayName"] == "New"
    users = state.data_set(USERS)
    assert (users.state, users.error) == (ReadState.SUCCEEDED, "2 records unreadable")
    check(world)


async def test_where_a_record_has_no_key_none_is_taken_for_gone() -> None:
    world = await holding(3)
    world.graph.pages = [UserPage([user("u000")], unreadable=[None])]
    state = await world.sync()
    assert len(world.users()) == 3
    assert state.data_set(USERS).error == "1 record unreadable"


async def test_records_that_changes_leave_out_count_until_the_next_whole_read() -> None:
    world = await holding(3)
    world.graph.changed = [
        replace(changes(user("u001", "New")), unreadable=["u000"]),
        replace(changes(), unreadable=["u002"]),
    ]
    await world.sync()
    state = await world.sync()
    assert state.data_set(USERS).error == "2 records unreadable"
    world.clock.advance(days=7)
    state = await world.sync()
    assert (state.data_set(USERS).error, state.data_set(USERS).unreadable) == (None, 0)


async def test_a_licence_that_cannot_be_read_stays_and_the_next_good_read_heals() -> None:
    world = World()
    world.graph.small = licences("a", "b", "c")
    await world.sync()
    only = world.graph.small[LICENCES]
    assert isinstance(only, Records)
    world.graph.small = {LICENCES: Records(only.records[:2], ["c"])}
    state = await world.sync()
    assert sorted(rows(world, LICENCES)) == ["a", "b", "c"]
    assert state.data_set(LICENCES).error == "1 record unreadable"
    world.graph.small = licences("a", "b")
    state = await world.sync()
    assert sorted(rows(world, LICENCES)) == ["a", "b"]
    assert state.data_set(LICENCES).error is None


async def test_a_mistake_of_ours_stops_no_other_data_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.graph.pages = [people(2)]
    world.graph.small = licences("a")

    def mistaken(*_: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("sync.stored_data_set.digest_of_all", mistaken)
    with caplog.at_level(logging.ERROR):
        state = await world.sync()
    others = [entry for name, entry in state.data_sets.items() if name != USERS]
    assert {entry.state for entry in others} == {ReadState.FAILED}
    assert state.data_set(LICENCES).error == INTERNAL_FAULT
    assert state.data_set(USERS).state is ReadState.SUCCEEDED
    assert any(record.exc_info for record in caplog.records)


# Delta reads lose nothing.


async def test_what_a_change_does_not_name_is_as_it_was_and_null_clears() -> None:
    world = World()
    first = {"id": "a", "displayName": "Adele", "jobTitle": "Engineer", "accountEnabled": True}
    world.graph.pages = [[SyncedRecord("a", first)]]
    await world.sync()
    world.graph.changed = [changes(SyncedRecord("a", {"id": "a", "jobTitle": None}))]
    await world.sync()
    assert rows(world, USERS)["a"] == {**first, "jobTitle": None}
    check(world)


async def test_changes_in_two_pages_add_up() -> None:
    world = World()
    world.graph.pages = [[user("a", "Adele")]]
    await world.sync()

    async def pages(link: str) -> AsyncIterator[UserPage]:
        yield UserPage([SyncedRecord("a", {"displayName": "New"})], next_link="more")
        yield UserPage([SyncedRecord("a", {"accountEnabled": False})], delta_link="end")

    world.graph.changes = pages  # type: ignore[method-assign]
    await world.sync()
    changed = {"id": "a", "displayName": "New", "accountEnabled": False}
    assert rows(world, USERS)["a"] == changed
    check(world)


async def test_a_changed_user_that_is_not_stored_is_read_by_itself() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    await world.sync()
    world.graph.known = {"b": user("b", "Björn")}
    partial = SyncedRecord("b", {"displayName": "Björn"})
    gone = SyncedRecord("c", {"displayName": "Chloé"})
    told = changes(partial, gone)

    async def once(link: str) -> AsyncIterator[UserPage]:
        yield told

    world.graph.changes = once  # type: ignore[method-assign]
    await world.sync()
    assert "users b c by themselves" in world.graph.asked
    assert rows(world, USERS)["b"] == user("b", "Björn").document
    assert world.users() == ["a", "b"]
    check(world)


async def test_a_user_that_was_removed_and_is_back_is_read_by_itself() -> None:
    world = World()
    world.graph.pages = [[user("a", "Adele")]]
    await world.sync()
    world.graph.known = {"a": user("a", "Back")}

    async def once(link: str) -> AsyncIterator[UserPage]:
        yield UserPage([SyncedRecord("a", {"id": "a"})], removed=["a"], delta_link="end")

    world.graph.changes = once  # type: ignore[method-assign]
    await world.sync()
    assert rows(world, USERS)["a"]["displayName"] == "Back"
    check(world)


async def test_a_user_that_is_back_and_cannot_be_read_stays_as_it_was() -> None:
    world = World()
    world.graph.pages = [people(3)]
    await world.sync()

    async def once(link: str) -> AsyncIterator[UserPage]:
        yield UserPage([SyncedRecord("u001", {"id": "u001"})], removed=["u001"], delta_link="end")

    async def odd(keys: Sequence[str]) -> UserPage:
        return UserPage([], unreadable=keys)

    world.graph.changes = once  # type: ignore[method-assign]
    world.graph.users_of = odd  # type: ignore[method-assign]
    state = await world.sync()
    assert world.users() == ["u000", "u001", "u002"]
    assert state.data_set(USERS).error == "1 record unreadable"


async def test_the_week_of_a_state_of_the_release_before_begins_with_its_next_sync() -> None:
    world = World()
    world.graph.pages = [people(3)]
    await world.sync()
    state = world.state
    old = state.with_data_set(replace(state.data_set(USERS), whole_at=None))
    known = world.states.rows[world.tenant.ref]
    world.states.rows[world.tenant.ref] = replace(known, value=old)
    world.graph.pages = [people(4, start=1)]
    for _ in range(4 * 8):
        world.clock.advance(hours=6)
        await world.sync()
    assert world.users() == ["u001", "u002", "u003"]


@pytest.mark.parametrize("told", ["a change", "nothing that can be read"])
async def test_a_whole_read_that_does_not_succeed_holds_up_no_changes(told: str) -> None:
    world = World()
    world.graph.pages = [people(3)]
    await world.sync()
    world.clock.advance(days=7)
    is_change = told == "a change"
    removal = UserPage([user("u000", "New")], removed=["u001"], delta_link="on")
    world.graph.changed = [removal if is_change else Unreadable("odd")]
    world.graph.pages = [[user("u000", "New")], Unreadable("down")]
    state = await world.sync()
    assert state.data_set(USERS).state is ReadState.FAILED
    assert ("u001" in world.users()) is not is_change
    world.graph.pages = [[user("u000", "New"), user("u002")]]
    assert (await world.sync()).data_set(USERS).state is ReadState.SUCCEEDED
    assert world.users() == ["u000", "u002"]
    check(world)


async def test_all_users_are_read_once_a_week_whatever_the_changes_said() -> None:
    world = World()
    world.graph.pages = [people(3)]
    await world.sync()
    world.graph.pages = [people(4, start=1)]
    for _ in range(5):
        world.clock.advance(days=1)
        await world.sync()
    assert world.users() == ["u000", "u001", "u002"]
    world.clock.advance(days=2)
    state = await world.sync()
    assert world.users() == ["u001", "u002", "u003"]
    assert state.data_set(USERS).whole_at == world.clock.now()
    check(world)


# A postponed read continues where it stopped.


async def test_a_throttled_whole_read_goes_on_where_it_stopped() -> None:
    world = await holding(40)
    parts: list[Sequence[SyncedRecord] | UserPage | Exception] = [
        people(10),
        people(20, start=10),
        people(30, start=20),
    ]
    wait = Unreadable("wait", retry_after=90)
    world.graph.pages = [parts[0], wait]
    assert (await world.sync()).phase is SyncPhase.PENDING
    for pages in ([*parts[:2], wait], [*parts[:2], wait], parts):
        world.graph.pages = pages
        world.clock.advance(seconds=95)
        await sync_tenant(world.ports, world.tenant.ref)
    asked = [entry for entry in world.graph.asked if entry.startswith("users")]
    assert asked[1:] == ["users None", "users 1", "users 2", "users 2"]
    assert world.state.data_set(USERS).state is ReadState.SUCCEEDED
    assert world.users() == [record.key for record in people(30)]
    check(world)


async def test_who_went_between_two_attempts_of_a_first_read_is_gone() -> None:
    world = World()
    world.graph.pages = [people(3), Unreadable("down")]
    await world.sync()
    wait = Unreadable("wait", retry_after=90)
    rest = [user("u003")]
    world.graph.changed = [PositionLost()]  # from the previous attempt
    world.graph.pages = [PositionLost()]
    await world.sync()
    world.graph.pages = [[user("u000"), user("u002")], wait]
    await world.sync()
    world.graph.changed = []
    world.graph.pages = [[user("u000"), user("u002")], rest]
    world.clock.advance(seconds=95)
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.data_set(USERS).state is ReadState.SUCCEEDED
    assert world.users() == ["u000", "u002", "u003"]


async def test_a_whole_read_whose_record_of_what_it_met_is_gone_starts_over() -> None:
    world = await holding(40)
    wait = Unreadable("wait", retry_after=90)
    world.graph.pages = [people(20), wait]
    await world.sync()
    world.whole_reads.rows.clear()
    world.graph.pages = [people(20), people(40, start=20)]
    world.clock.advance(seconds=95)
    await sync_tenant(world.ports, world.tenant.ref)
    assert len(world.users()) == 40
    assert world.graph.asked[-3:-1] == ["delta link", "users None"]


async def test_a_user_without_a_key_keeps_all_others_though_the_read_was_put_off() -> None:
    world = await holding(3)
    unnamed = UserPage([user("u000")], unreadable=[None])
    world.graph.pages = [unnamed, Unreadable("wait", retry_after=90)]
    await world.sync()
    world.graph.pages = [unnamed, [user("u001")]]
    world.clock.advance(seconds=95)
    await sync_tenant(world.ports, world.tenant.ref)
    assert len(world.users()) == 3
    assert world.state.data_set(USERS).error == "1 record unreadable"


# A sync that is requested while another one runs starts after it.


async def test_a_sync_that_is_asked_for_while_one_runs_follows_it() -> None:
    world = World()
    link, asked = world.graph.delta_link, []

    async def slowly() -> str:
        world.clock.advance(seconds=1)
        await world.request()
        await world.request()
        world.clock.advance(seconds=40)  # the worker must renew its lease despite the request
        asked.append(1)
        return await link()

    world.graph.delta_link = slowly  # type: ignore[method-assign]  # asks in between
    world.graph.pages = [people(2)]
    state = await world.sync()
    assert asked == [1]
    assert (state.phase, len(world.queues.syncs)) == (SyncPhase.PENDING, 2)
    assert state.asked_again_at is None
    assert len(world.users()) == 2
    world.graph.delta_link = link  # type: ignore[method-assign]
    await sync_tenant(world.ports, world.tenant.ref)
    assert (world.state.phase, len(world.queues.syncs)) == (SyncPhase.SUCCEEDED, 2)
    assert world.graph.asked.count("small data sets") == 2


async def test_a_request_before_the_first_write_is_followed_by_another_sync() -> None:
    world = World()

    async def asked_meanwhile() -> None:
        world.graph.on_read = None
        world.clock.advance(seconds=1)
        await world.request()

    world.graph.on_read = asked_meanwhile
    world.graph.pages = [people(2)]
    state = await world.sync()
    assert (state.phase, len(world.queues.syncs)) == (SyncPhase.PENDING, 2)
    assert len(world.users()) == 2
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.phase is SyncPhase.SUCCEEDED
    assert world.graph.asked.count("small data sets") == 2


async def test_a_sync_that_is_to_follow_is_found_though_its_worker_died_at_the_end() -> None:
    world = World()
    link = world.graph.delta_link

    async def asked_again() -> str:
        world.clock.advance(seconds=1)
        await world.request()
        return await link()

    world.graph.delta_link = asked_again  # type: ignore[method-assign]

    async def die(*_: Any) -> None:
        raise StorageUnavailable

    await world.request()
    send, world.queues.send = world.queues.send, die  # type: ignore[method-assign, assignment]
    with pytest.raises(StorageUnavailable):
        await sync_tenant(world.ports, world.tenant.ref)
    world.queues.send = send  # type: ignore[method-assign]
    world.queues.syncs.clear()
    world.clock.advance(minutes=4)
    await find_due(world.ports)
    assert len(world.queues.syncs) == 1
