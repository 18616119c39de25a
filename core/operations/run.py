"""Running operations: within the request, or from the queue after a crash or a wait."""

import logging
from dataclasses import replace
from datetime import timedelta

from core.operations.kind import Target
from core.operations.perform import PASSING, Wait, perform
from core.operations.ports import OperationPorts, read_rows, tenant_of
from core.operations.purge import OPERATIONS_AT_ONCE, remove_operations
from core.operations.refusals import code_of
from core.operations.turn import Busy, Turn, TurnLost, take_turn
from domain.errors import OperationAbandoned
from domain.identifiers import OperationRef
from domain.operation import Failure, Operation, OperationState, StepState, requested_at
from domain.ports.pending_work import PendingWork
from domain.work_queues import RUN_OPERATION

_log = logging.getLogger(__name__)

# Longer than any invocation can run: an operation of this age is recorded, or never will be.
_UNRECORDED = timedelta(minutes=30)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0


async def run_operation(ports: OperationPorts, ref: OperationRef) -> None:
    """Run the tenant's operations in their order, until this one is finished.

    If Microsoft or storage does not answer, or asks to wait, it goes on from the queue. A message
    that is delivered twice, or while another worker runs the tenant's operations, does nothing:
    the other worker passes the turn on, and if it dies, the pending work comes back.
    """
    try:
        await _take_turns(ports, ref)
    except PASSING as error:
        _log.info("an operation goes on later: %s", type(error).__name__)
        await _come_back(ports, ref, _pause(ports, ref))


def _pause(ports: OperationPorts, ref: OperationRef) -> float:
    """Return the seconds until another attempt: the longer, the older the operation is."""
    age = (ports.clock.now() - requested_at(ref.operation_id)).total_seconds()
    return min(max(age / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE)


async def give_up(ports: OperationPorts, ref: OperationRef) -> None:
    """End the operation whose turn it is after its message has failed five times.

    The fault is one of this service: another attempt does not help, and the tenant's other
    operations are waiting. If another worker has the turn, it is not the faulty one.
    """
    turn = await take_turn(ports, ref)
    if not isinstance(turn, Turn):
        return
    fault = OperationAbandoned("A fault of this service: the operation was given up.")
    is_sent = any(step.state is StepState.SENT for step in turn.operation.steps)
    state = OperationState.UNKNOWN if is_sent else OperationState.FAILED
    await turn.end(state, Failure(code_of(fault), str(fault)))
    await _settle(ports, turn.operation)
    await _pass_on(ports, ref)


async def _take_turns(ports: OperationPorts, ref: OperationRef) -> None:
    while isinstance(turn := await take_turn(ports, ref), Turn):
        try:
            wait = await _run(turn)
        except TurnLost:
            return
        if wait is not None:
            await _come_back(ports, ref, wait)
            return
        if turn.operation.ref != ref:
            await _settle(ports, turn.operation)
    if isinstance(turn, Busy):
        return
    await settle(ports, ref)
    await _pass_on(ports, ref)


async def _pass_on(ports: OperationPorts, ref: OperationRef) -> None:
    """Queue the tenant's next operation."""
    queue = (await read_rows(ports.msps, ref)).queue
    if queue and queue.value.waiting and not queue.value.is_busy(ports.clock.now()):
        following = replace(ref, operation_id=queue.value.waiting[0])
        await ports.queues.send(RUN_OPERATION, following)


async def _run(turn: Turn) -> float | None:
    """Run the operation whose turn it is; return after how many seconds it goes on, if it does."""
    kind = turn.ports.kinds.get(turn.operation.kind)
    if kind is None:  # A newer release knows it.
        await turn.release()
        return _LONGEST_PAUSE
    try:
        await perform(turn, kind)
    except Wait as wait:
        await turn.release(wait.seconds)
        return wait.seconds
    except TurnLost:
        raise
    except Exception:
        await turn.release()
        raise
    return None


async def _come_back(ports: OperationPorts, ref: OperationRef, seconds: float) -> None:
    delay = int(seconds) + 1
    later = ports.clock.now() + timedelta(seconds=delay)
    await ports.pending_work.record(PendingWork(RUN_OPERATION, ref, later))
    await ports.queues.send(RUN_OPERATION, ref, delay_seconds=delay)


async def settle(ports: OperationPorts, ref: OperationRef) -> None:
    """Do what is left after an operation, and forget its pending work.

    Nothing of it outlives its tenant: if the tenant was removed while the operation was being
    recorded, the purge may have missed it.
    """
    found = (await read_rows(ports.msps, ref)).operation_or_none
    if await tenant_of(ports.msps, ref) is None:
        while await remove_operations(ports.msps, ref.tenant) == OPERATIONS_AT_ONCE:
            pass
    elif found is None:
        if _may_be_being_recorded(ports, ref):
            return
    elif found.is_finished:
        await _settle(ports, found)
        return
    elif found.state is not OperationState.AWAITING_APPROVAL:
        return  # It waits again: it was approved in this moment.
    await ports.pending_work.drop(RUN_OPERATION, ref)


def _may_be_being_recorded(ports: OperationPorts, ref: OperationRef) -> bool:
    try:
        return ports.clock.now() - requested_at(ref.operation_id) < _UNRECORDED
    except ValueError:
        return False


async def _settle(ports: OperationPorts, operation: Operation) -> None:
    """Bring the stored user up to date with what an operation has changed; forget its work."""
    kind, succeeded = ports.kinds.get(operation.kind), operation.state is OperationState.SUCCEEDED
    if succeeded and kind and kind.target is Target.USER and operation.target_id:
        changes = operation.after or {}
        await ports.stored_users.apply(operation.ref.tenant, operation.target_id, changes)
    await ports.pending_work.drop(RUN_OPERATION, operation.ref)
