"""The search index and the roll-up that a sync maintains, whatever is read."""

from dataclasses import replace
from typing import Any

import pytest

from domain.ports.graph_reader import PositionLost, Records, Refusal, Unreadable, UserPage
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import RollUp
from sync.sync_tenant import sync_tenant
from tests.fakes.indexed import changes, check, indexed, user
from tests.fakes.sync_world import World

REF_KINDS = ("licences", "secureScore", "conditionalAccessPolicies")


async def test_the_index_holds_what_the_rows_hold_through_reads_and_changes() -> None:
    world = World()
    world.graph.pages = [[user("a"), user("b", enabled=False)], [user("c")]]
    world.graph.changed = [changes(user("d"), removed=("a",))]
    await world.sync()
    check(world)
    world.graph.changed = [changes(user("b", "New"), user("c", enabled=False), removed=("x",))]
    await world.sync()
    check(world)
    assert world.state.roll_up.enabled_users == 2
    world.graph.changed = [PositionLost()]
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
    world.graph.changed = [changes(user("7", "New"))]
    await world.sync()
    check(world)
    assert sum(world.index.rows[key] != block for key, block in before.items()) == 1
    before = dict(world.index.rows)
    world.graph.changed = [changes(user("7", "New"), removed=("never seen",))]
    await world.sync()
    assert world.index.rows == before
    world.graph.changed = [changes(*(user(f"more {n}") for n in range(5100)))]
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

    world.graph.changes = changes_then_fail  # type: ignore[method-assign]  # it aborts
    state = await world.sync()
    check(world)
    assert state.data_set("users").delta_link == "half way"


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
    users = replace(known.value.data_set("users"), indexed=form)
    await world.states.replace(
        replace(known.value.with_data_set(users), roll_up=RollUp()), known.version
    )
    if form is None:
        world.index.rows.clear()
    await world.sync()
    check(world)


async def test_the_roll_up_sums_licences_scores_and_policies() -> None:
    world = World()
    units = {"enabled": 25, "warning": 5, "suspended": 100, "lockedOut": 1}
    world.graph.small = {
        "licences": Records(
            [
                SyncedRecord("a", {"prepaidUnits": units, "consumedUnits": 7}),
                SyncedRecord("b", {"prepaidUnits": {"enabled": None}, "consumedUnits": None}),
                SyncedRecord("c", {}),
            ]
        ),
        "secureScore": Records(
            [
                SyncedRecord("2:older", {"currentScore": 1.0, "maxScore": 2.0}),
                SyncedRecord("1:newest", {"currentScore": 40.25, "maxScore": 90.0}),
            ]
        ),
        "conditionalAccessPolicies": Records(
            [
                SyncedRecord("p", {"state": "enabled"}),
                SyncedRecord("q", {"state": "enabledForReportingButNotEnforced"}),
                SyncedRecord("r", {"state": "enabled"}),
                SyncedRecord("s", {"state": None}),
            ]
        ),
    }
    expected = RollUp(0, 0, 30, 7, 40.25, 90.0, 2, 0, 1)
    assert (await world.sync()).roll_up == expected
    # Data that is not read stays unchanged, as does a score that Graph no longer has.
    world.graph.small = {
        "licences": Unreadable("denied", Refusal("denied", is_denied=True)),
        "conditionalAccessPolicies": Unreadable("500"),
    }
    assert (await world.sync()).roll_up == expected
    world.graph.small = {name: Records(()) for name in REF_KINDS}
    assert (await world.sync()).roll_up == expected  # an empty response must be confirmed
    world.clock.advance(minutes=15)
    emptied = RollUp(0, 0, 0, 0, 40.25, 90.0, 0, 0, 0)
    assert (await world.sync()).roll_up == emptied


@pytest.mark.parametrize(
    ("licence", "bought", "assigned"),
    [
        ({}, 40, 30),
        *(
            ({"skuPartNumber": product}, 0, 0)
            for product in (
                *("FLOW_FREE", "POWERAPPS_VIRAL", "POWER_BI_STANDARD", "Teams_vTrial"),
                *("MICROSOFT_BUSINESS_CENTER", "DYN365_ENTERPRISE_P1_IW"),
            )
        ),
        ({"skuPartNumber": "SHAREPOINT_INDUSTRIAL"}, 40, 30),
        ({"prepaidUnits": {"enabled": 1_000_000}}, 0, 0),
        ({"prepaidUnits": {"enabled": 900_000, "warning": 100_000}}, 0, 0),
        ({"prepaidUnits": {"enabled": 20_000}}, 20_000, 30),
        ({"capabilityStatus": "Warning"}, 40, 30),
        *(({"capabilityStatus": status}, 0, 0) for status in ("Suspended", "Deleted", "LockedOut")),
    ],
)
async def test_free_unlimited_and_dead_licences_are_not_bought(
    licence: dict[str, Any], bought: int, assigned: int
) -> None:
    document = {
        "skuPartNumber": "SPE_E3",
        "capabilityStatus": "Enabled",
        "consumedUnits": 30,
        "prepaidUnits": {"enabled": 40},
        **licence,
    }
    world = World()
    world.graph.small = {"licences": Records([SyncedRecord("a", document)])}
    roll_up = (await world.sync()).roll_up
    assert (roll_up.licences_bought, roll_up.licences_assigned) == (bought, assigned)
