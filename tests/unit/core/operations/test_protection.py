"""Protected accounts: who is one, and who may override it."""

from dataclasses import replace
from typing import Any

import pytest

from core.operations.protection import GLOBAL_ADMINISTRATOR
from core.operations.run import run_operation
from domain.errors import MalformedInput, OwnerRequired, Protected
from domain.identifiers import ObjectId
from domain.operation import BreakGlassAccounts, OperationState
from domain.roles import Role, StaffMember
from domain.row_changes import Insert
from tests.samples import CONTOSO, OTHER, OWN, OWNER, tenant
from tests.unit.core.operations.world import (
    DISABLE,
    ENABLE,
    OTHER_USER,
    OURS,
    THEIRS,
    USER,
    World,
    member,
)

DECLARED = BreakGlassAccounts(CONTOSO, THEIRS.tenant_id, THEIRS.epoch, (USER,))


async def refused(world: World, **request: Any) -> tuple[str, ...]:
    """Return why a request is refused."""
    with pytest.raises(Protected) as raised:
        await world.request(**request)
    assert world.operations == []
    assert world.microsoft.writes == []
    return raised.value.reasons


async def test_nobody_locks_themselves_out() -> None:
    world = World()
    who = member(Role.L3)
    world.microsoft.add(OURS, who.oid)
    assert await refused(world, where=OURS, who=who, target=who.oid) == ("self", "msp_staff")
    world.microsoft.add(OURS, OWNER.oid)
    override = {"override": True, "reason": "I know what I do"}
    assert "self" in await refused(world, where=OURS, target=OWNER.oid, **override)


async def test_the_service_account_and_the_staff_are_protected_at_the_partner_tenant() -> None:
    world = World()
    world.microsoft.account = ObjectId(USER)
    assert await refused(world, where=OURS) == ("service_account",)
    assert await world.request(where=THEIRS)
    world = World(StaffMember(CONTOSO, OWN, ObjectId(USER), Role.VIEWER, "Nestor Wilke"))
    assert await refused(world, where=OURS) == ("msp_staff",)


async def test_a_declared_break_glass_account_is_protected_at_its_tenant() -> None:
    world = World(DECLARED)
    assert await refused(world) == ("break_glass",)
    assert await world.request(where=OURS)
    assert await world.request(target=OTHER_USER)


async def test_accounts_declared_for_an_earlier_life_of_the_tenant_do_not_count() -> None:
    again = tenant(OTHER)
    world = World(replace(DECLARED, epoch=again.epoch))
    assert await world.request()


async def test_the_last_enabled_global_administrator_is_protected() -> None:
    world = World()
    world.microsoft.add(THEIRS, USER, roles={GLOBAL_ADMINISTRATOR})
    assert await refused(world) == ("last_global_admin",)
    override = {"override": True, "reason": "because"}
    assert await refused(world, **override) == ("last_global_admin",)
    world.microsoft.add(THEIRS, OTHER_USER, roles={GLOBAL_ADMINISTRATOR}, accountEnabled=False)
    assert await refused(world) == ("last_global_admin",)
    world.microsoft.change(THEIRS, OTHER_USER, accountEnabled=True)
    assert await world.request()


async def test_two_administrators_who_are_disabled_at_once_leave_one() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    for user in (USER, OTHER_USER):
        world.microsoft.add(THEIRS, user, roles={GLOBAL_ADMINISTRATOR})
    first = await world.request(long)
    world.clock.advance(seconds=1)
    second = await world.request(long, target=OTHER_USER)
    for operation in (first, second):
        await run_operation(world.ports, operation.ref)
    assert not world.microsoft.enabled(THEIRS, USER)
    assert world.microsoft.enabled(THEIRS, OTHER_USER)
    ends = {operation.target_id: operation for operation in world.operations}
    failure = ends[OTHER_USER].failure
    assert failure is not None
    assert failure.reasons == ("last_global_admin",)


async def test_an_owner_overrides_with_a_reason() -> None:
    world = World(DECLARED)
    with pytest.raises(OwnerRequired):
        await world.request(who=member(Role.ADMIN), override=True, reason="because")
    with pytest.raises(MalformedInput):
        await world.request(override=True)
    operation = await world.request(override=True, reason="It is lost")
    assert operation.state is OperationState.SUCCEEDED
    assert operation.overridden == ("break_glass",)
    (requested,) = [event for event in world.events if event.action == "operation.requested"]
    assert (requested.after or {})["overridden"] == ["break_glass"]
    assert (requested.after or {})["reason"] == "It is lost"


async def test_a_protection_that_came_after_the_request_is_not_overridden() -> None:
    world = World(DECLARED)
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    first = await world.request(long, override=True, reason="It is lost")
    world.microsoft.add(THEIRS, USER, roles={GLOBAL_ADMINISTRATOR})
    await run_operation(world.ports, first.ref)
    assert world.operations[0].state is OperationState.FAILED
    world = World()
    world.kinds[long.name] = long
    second = await world.request(long)
    await world.store.commit([Insert(DECLARED)])
    await run_operation(world.ports, second.ref)
    assert world.operations[0].failure is not None
    assert world.operations[0].failure.reasons == ("break_glass",)
    assert world.microsoft.writes == []


async def test_enabling_a_protected_account_is_not_refused() -> None:
    world = World(DECLARED)
    world.microsoft.change(THEIRS, USER, accountEnabled=False)
    assert (await world.request(ENABLE)).state is OperationState.SUCCEEDED
