"""An operation survives a crash at every call of a port, and is carried out once."""

import asyncio
from dataclasses import replace

import pytest

from core.operations.kind import OperationKind, Post, Step
from core.operations.request import request_operation
from core.operations.run import give_up, run_operation
from domain.operation import OperationState, StepState
from domain.ports.graph_writer import AnswerLost, Throttled
from tests.fakes.fuse import Died, Fuse
from tests.fakes.microsoft import LostAfter
from tests.unit.core.operations.world import DISABLE, ENABLE, OTHER_USER, THEIRS, USER, World

SECRET = replace(
    DISABLE, name="secret", steps=(Step("reset", Post("/users/{id}/x"), repeatable=False),)
)


async def interrupted(at: int, *, after: bool, kind: OperationKind = DISABLE) -> tuple[World, bool]:
    """Return the world in which a request died at a call, and whether it died."""
    world = World()
    world.kinds[kind.name] = kind
    world.ports = world.guarded(Fuse(at, after=after))
    died = False
    try:
        await world.request(kind, key="k-1")
    except Died:
        died = True
    world.ports = world.guarded(Fuse())
    return world, died


@pytest.mark.parametrize("after", [False, True])
async def test_a_user_is_disabled_once_wherever_the_process_dies(*, after: bool) -> None:
    at, recorded = 0, 0
    while True:
        at += 1
        world, died = await interrupted(at, after=after)
        await world.recover()
        recorded += bool(world.operations)
        for operation in world.operations:
            assert operation.state is OperationState.SUCCEEDED
            assert (operation.before or {})["accountEnabled"] is True
            assert (operation.after or {})["accountEnabled"] is False
        assert len(world.microsoft.writes) == len(world.operations)
        assert world.microsoft.enabled(THEIRS, USER) is (not world.operations)
        assert world.queue == ()
        # The same key finds the operation, or starts it if it was never recorded.
        again = await world.request(key="k-1")
        assert again.state is OperationState.SUCCEEDED
        assert len(world.operations) == len(world.microsoft.writes) == 1
        assert [event.action for event in world.events].count("operation.requested") == 1
        assert [event.action for event in world.events].count("operation.succeeded") == 1
        assert world.stored_states(THEIRS) == (False, 0, 0)
        world.clock.advance(hours=1)
        await world.recover()
        assert world.pending_work.rows == {}
        if not died:
            break
    assert at > 30
    assert recorded > 20


@pytest.mark.parametrize("after", [False, True])
async def test_what_cannot_be_repeated_is_sent_once_or_never(*, after: bool) -> None:
    at, ends = 0, set()
    while True:
        at += 1
        world, died = await interrupted(at, after=after, kind=SECRET)
        await world.recover()
        for operation in world.operations:
            ends.add(operation.state)
            assert operation.is_finished
        assert len(world.microsoft.writes) <= len(world.operations)
        assert world.queue == ()
        if not died:
            break
    assert ends == {OperationState.SUCCEEDED, OperationState.UNKNOWN}


async def test_a_lost_answer_is_looked_for() -> None:
    world = World()
    world.microsoft.script = [LostAfter()]
    operation = await world.request()
    assert operation.state is OperationState.SUCCEEDED
    assert len(world.microsoft.writes) == 1


async def test_a_change_that_was_not_made_is_repeated_from_the_queue() -> None:
    world = World()
    world.microsoft.script = [AnswerLost("504")]
    operation = await world.request()
    assert operation.state is OperationState.RUNNING
    assert operation.steps[0].state is StepState.SENT
    await world.recover()
    assert world.operations[0].state is OperationState.SUCCEEDED
    assert len(world.microsoft.writes) == 2
    assert world.pending_work.rows == {}


async def test_a_lost_answer_of_what_cannot_be_repeated_is_the_end() -> None:
    world = World()
    world.kinds["secret"] = SECRET
    world.microsoft.script = [AnswerLost("504")]
    operation = await world.request(SECRET)
    assert operation.state is OperationState.UNKNOWN
    assert operation.failure is not None
    await world.recover()
    assert len(world.microsoft.writes) == 1
    assert world.store.actions(world.msp.msp_id).count("operation.unknown") == 1


async def test_a_throttled_operation_waits_and_so_do_the_tenants_others() -> None:
    world = World()
    world.microsoft.script = [Throttled(40)]
    first = await world.request()
    assert first.state is OperationState.RUNNING
    assert first.steps[0].state is StepState.PENDING
    second = await world.request(target=OTHER_USER)
    assert second.state is OperationState.REQUESTED
    assert len(world.microsoft.writes) == 1
    await world.recover()
    assert {operation.state for operation in world.operations} == {OperationState.SUCCEEDED}
    assert [write.path[-4:] for write in world.microsoft.writes] == ["aaaa", "aaaa", "bbbb"]


async def test_two_workers_carry_an_operation_out_once() -> None:
    world = World()
    world.kinds["disable-user"] = replace(DISABLE, is_short=False)
    operation = await world.request(world.kinds["disable-user"])
    await asyncio.gather(*(run_operation(world.ports, operation.ref) for _ in range(5)))
    assert len(world.microsoft.writes) == 1
    assert world.operations[0].state is OperationState.SUCCEEDED


async def test_a_worker_whose_turn_was_taken_over_writes_nothing_more() -> None:
    """The first worker hangs at Microsoft until its lease has run out."""
    world = World()
    gate, asked = asyncio.Event(), asyncio.Event()
    original = world.microsoft.read

    async def slow(*args: object) -> object:
        world.microsoft.read = original  # type: ignore[method-assign]  # only the first waits
        asked.set()
        await gate.wait()
        return await original(*args)  # type: ignore[arg-type]  # as it was called

    world.microsoft.read = slow  # type: ignore[method-assign, assignment]  # a hanging Graph
    hanging = asyncio.create_task(world.request())
    await asked.wait()
    await world.recover(rounds=1)
    gate.set()
    operation = await hanging
    assert operation.state is OperationState.SUCCEEDED
    assert len(world.microsoft.writes) == 1
    assert world.store.actions(world.msp.msp_id).count("operation.succeeded") == 1


async def test_operations_of_a_tenant_run_in_the_order_of_the_requests() -> None:
    world = World()
    kinds = {name: replace(kind, is_short=False) for name, kind in world.kinds.items()}
    world.kinds.update(kinds)
    await world.request(kinds["disable-user"])
    world.clock.advance(seconds=1)
    last = await world.request(kinds["enable-user"])
    await run_operation(world.ports, last.ref)
    assert [write.body for write in world.microsoft.writes] == [
        {"accountEnabled": False},
        {"accountEnabled": True},
    ]
    assert world.queue == ()


async def test_the_turn_is_passed_on_to_the_next_operation() -> None:
    world = World()
    kinds = {name: replace(kind, is_short=False) for name, kind in world.kinds.items()}
    world.kinds.update(kinds)
    first = await world.request(kinds["disable-user"])
    world.clock.advance(seconds=1)
    second = await world.request(kinds["enable-user"])
    world.queues.others.clear()
    await run_operation(world.ports, first.ref)
    assert world.message() == second.ref


async def test_the_same_key_twice_at_once_is_one_operation() -> None:
    world = World()
    wanted = world.wanted(key="k-1")
    first, second = await asyncio.gather(
        request_operation(world.ports, wanted, world.cause()),
        request_operation(world.ports, wanted, world.cause()),
    )
    assert first.operation_id == second.operation_id
    assert len(world.operations) == len(world.microsoft.writes) == 1
    await world.recover()
    assert len(world.pending_work.rows) == 0
    assert ENABLE.name in world.kinds


async def test_a_fault_of_ours_does_not_block_the_tenant() -> None:
    world = World()
    world.microsoft.script = [KeyError("a bug")]
    with pytest.raises(KeyError):
        await world.request()
    (faulty,) = world.operations
    waiting = await world.request(ENABLE, target=OTHER_USER)
    assert waiting.state is OperationState.SUCCEEDED  # It is repeated before the next one.
    world = World()
    world.kinds["secret"] = SECRET
    world.microsoft.script = [KeyError("a bug")]
    with pytest.raises(KeyError):
        await world.request(SECRET)
    (faulty,) = world.operations
    await give_up(world.ports, faulty.ref)
    assert world.operations[0].state is OperationState.UNKNOWN
    assert world.operations[0].failure is not None
    assert world.operations[0].failure.code == "operation_abandoned"
    assert (world.queue, world.pending_work.rows) == ((), {})
    await give_up(world.ports, faulty.ref)
    assert world.store.actions(world.msp.msp_id).count("operation.unknown") == 1


async def test_an_operation_that_is_given_up_unsent_has_failed_and_the_next_one_follows() -> None:
    world = World()
    kinds = {name: replace(kind, is_short=False) for name, kind in world.kinds.items()}
    world.kinds.update(kinds)
    first = await world.request(kinds["disable-user"])
    world.clock.advance(seconds=1)
    second = await world.request(kinds["enable-user"])
    world.queues.others.clear()
    await give_up(world.ports, second.ref)
    assert {each.operation_id: each.state for each in world.operations} == {
        first.operation_id: OperationState.FAILED,
        second.operation_id: OperationState.REQUESTED,
    }
    assert world.message() == second.ref
