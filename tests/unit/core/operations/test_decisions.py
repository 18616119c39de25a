"""Approval, rejection, cancellation and rollback."""

import asyncio
from dataclasses import replace

import pytest

from core.operations.decisions import approve, cancel, reject
from core.operations.request import request_operation
from core.operations.rollback import rollback_of
from core.operations.run import run_operation
from domain.audit import Actor
from domain.errors import (
    InvalidOperationState,
    OperationNotFound,
    OwnOperation,
    PermissionMissing,
    Protected,
    TenantNotFound,
)
from domain.operation import BreakGlassAccounts, Operation, OperationState
from domain.ports.graph_writer import Refused
from domain.roles import Role
from domain.row_changes import Insert, Remove
from domain.tenant import Tenant
from tests.fakes.fuse import Died, Fuse
from tests.samples import CONTOSO, OWNER, version
from tests.unit.core.operations.world import DISABLE, ENABLE, THEIRS, USER, World, member

ADMIN = member(Role.ADMIN)


async def awaiting(world: World) -> Operation:
    operation = await world.request(approval=True)
    assert operation.state is OperationState.AWAITING_APPROVAL
    assert world.microsoft.writes == []
    assert world.queue == ()
    return operation


async def test_another_person_approves() -> None:
    world = World()
    operation = await awaiting(world)
    with pytest.raises(OwnOperation):
        await approve(world.ports, operation.ref, OWNER, world.cause())
    with pytest.raises(PermissionMissing):
        await approve(world.ports, operation.ref, member(Role.L1), world.cause())
    done = await approve(world.ports, operation.ref, ADMIN, world.cause(ADMIN))
    assert done.state is OperationState.SUCCEEDED
    assert done.decided_by == Actor.staff(ADMIN)
    with pytest.raises(InvalidOperationState):
        await approve(world.ports, operation.ref, ADMIN, world.cause(ADMIN))
    (approved,) = [event for event in world.events if event.action == "operation.approved"]
    assert approved.actor == Actor.staff(ADMIN)


async def test_a_kind_may_demand_approval() -> None:
    world = World()
    kind = replace(DISABLE, needs_approval=True)
    assert (await world.request(kind)).state is OperationState.AWAITING_APPROVAL


async def test_an_operation_that_waits_for_approval_is_no_pending_work() -> None:
    world = World()
    await awaiting(world)
    await world.recover()
    assert world.pending_work.rows == {}
    assert world.operations[0].state is OperationState.AWAITING_APPROVAL


@pytest.mark.parametrize("after", [False, True])
async def test_an_approval_survives_a_crash_at_every_call(*, after: bool) -> None:
    at = 0
    while True:
        at += 1
        world = World()
        operation = await awaiting(world)
        await world.recover()
        ports, died = world.guarded(Fuse(at, after=after)), False
        try:
            await approve(ports, operation.ref, ADMIN, world.cause(ADMIN))
        except Died:
            died = True
        await world.recover()
        state = world.operations[0].state
        if state is OperationState.AWAITING_APPROVAL:
            assert world.microsoft.writes == []
            await approve(world.ports, operation.ref, ADMIN, world.cause(ADMIN))
        assert world.operations[0].state is OperationState.SUCCEEDED
        assert len(world.microsoft.writes) == 1
        await world.recover()
        assert world.pending_work.rows == {}
        if not died:
            break
    assert at > 20


async def test_a_rejected_operation_is_cancelled() -> None:
    world = World()
    operation = await awaiting(world)
    with pytest.raises(OwnOperation):
        await reject(world.ports, operation.ref, OWNER, world.cause())
    rejected = await reject(world.ports, operation.ref, ADMIN, world.cause(ADMIN))
    assert rejected.state is OperationState.CANCELLED
    assert "operation.rejected" in world.store.actions(CONTOSO)
    with pytest.raises(InvalidOperationState):
        await approve(world.ports, operation.ref, ADMIN, world.cause(ADMIN))


async def test_what_has_not_begun_can_be_cancelled() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    waiting = await world.request(long)
    with pytest.raises(PermissionMissing):
        await cancel(world.ports, waiting.ref, member(Role.VIEWER), world.cause())
    assert (await cancel(world.ports, waiting.ref, OWNER, world.cause())).is_finished
    assert world.queue == ()
    await run_operation(world.ports, waiting.ref)
    assert world.microsoft.writes == []
    done = await world.request()
    with pytest.raises(InvalidOperationState):
        await cancel(world.ports, done.ref, OWNER, world.cause())


async def test_a_cancellation_beside_the_run_is_one_or_the_other() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    waiting = await world.request(long)
    await asyncio.gather(
        run_operation(world.ports, waiting.ref),
        cancel(world.ports, waiting.ref, OWNER, world.cause()),
        return_exceptions=True,
    )
    is_done = world.operations[0].state is OperationState.SUCCEEDED
    assert is_done or world.operations[0].state is OperationState.CANCELLED
    assert len(world.microsoft.writes) == is_done


async def roll_back(world: World, operation: Operation, **changes: object) -> Operation:
    wanted = replace(await rollback_of(world.ports, operation), **changes)  # type: ignore[arg-type]  # test cases
    return await request_operation(world.ports, wanted, world.cause())


async def test_a_rollback_puts_back_what_was() -> None:
    world = World()
    operation = await world.request()
    world.clock.advance(seconds=1)
    back = await roll_back(world, operation, key="k-1")
    assert back.state is OperationState.SUCCEEDED
    assert back.rolls_back == operation.operation_id
    assert world.microsoft.enabled(THEIRS, USER)
    assert (back.before, back.after) == (operation.after, operation.before)
    assert (await roll_back(world, operation, key="k-1")) == back
    # A rollback is an operation, so it can be rolled back as well.
    assert (await roll_back(world, back)).state is OperationState.SUCCEEDED
    assert not world.microsoft.enabled(THEIRS, USER)


async def test_a_rollback_after_another_change_is_refused() -> None:
    world = World()
    operation = await world.request()
    for other in (None, True):
        world.microsoft.change(THEIRS, USER, accountEnabled=other)
        back = await roll_back(world, operation)
        assert back.state is OperationState.FAILED
        assert back.failure is not None
        assert back.failure.code == "changed_meanwhile"
    assert len(world.microsoft.writes) == 1


async def test_a_change_between_the_request_and_the_rollback_is_seen() -> None:
    world = World()
    long = replace(DISABLE, is_short=False)
    world.kinds[long.name] = long
    operation = await world.request(long)
    await run_operation(world.ports, operation.ref)
    (done,) = world.operations
    world.clock.advance(seconds=1)
    back = await roll_back(world, done)
    assert back.state is OperationState.REQUESTED
    world.microsoft.change(THEIRS, USER, accountEnabled=None)
    await run_operation(world.ports, back.ref)
    ended = next(each for each in world.operations if each.rolls_back)
    assert ended.failure is not None
    assert ended.failure.code == "changed_meanwhile"
    assert len(world.microsoft.writes) == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_rollback_survives_a_crash_at_every_call(*, after: bool) -> None:
    at = 0
    while True:
        at += 1
        world = World()
        operation = await world.request()
        world.clock.advance(seconds=1)
        wanted = await rollback_of(world.ports, operation)
        died = False
        try:
            ports = world.guarded(Fuse(at, after=after))
            await request_operation(ports, replace(wanted, key="k-1"), world.cause())
        except Died:
            died = True
        await world.recover()
        back = await request_operation(world.ports, replace(wanted, key="k-1"), world.cause())
        assert back.state is OperationState.SUCCEEDED
        assert world.microsoft.enabled(THEIRS, USER)
        assert len(world.microsoft.writes) == 2
        if not died:
            break
    assert at > 30


async def test_only_what_has_succeeded_is_rolled_back() -> None:
    world = World()
    world.microsoft.script = [Refused(400, "Request_BadRequest")]
    with pytest.raises(InvalidOperationState):
        await rollback_of(world.ports, await world.request())
    done = await world.request()
    tenant = version(await world.store.find(Tenant, CONTOSO, THEIRS.tenant_id))
    await world.store.commit([Remove(tenant.value, tenant.version)])
    with pytest.raises(TenantNotFound):
        await rollback_of(world.ports, done)
    with pytest.raises(OperationNotFound):
        await cancel(world.ports, done.ref, OWNER, world.cause())


async def test_rolling_back_an_enabling_is_guarded_like_a_disabling() -> None:
    world = World()
    world.microsoft.change(THEIRS, USER, accountEnabled=False)
    enabled = await world.request(ENABLE)
    declared = BreakGlassAccounts(CONTOSO, THEIRS.tenant_id, THEIRS.epoch, (USER,))
    await world.store.commit([Insert(declared)])
    world.clock.advance(seconds=1)
    with pytest.raises(Protected):
        await roll_back(world, enabled)
    assert (await roll_back(world, enabled, override=True, reason="x")).is_finished
