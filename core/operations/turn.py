"""Turns: at a tenant one operation runs at a time, in the order of the requests.

    request            request + 1 s                 the worker dies      90 s after its last write
    |--- waiting ------|--- RUNNING, busy_until -----|--------------------|--- another worker
    in the queue       runner = mark of the worker                        takes the turn: new mark

A worker writes only while the operation has its mark. If its turn has been taken over, it stops.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from core.operations.kind import Properties
from core.operations.ports import LedgerRows, OperationPorts, read_rows
from core.operations.rows import audited, dequeued
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.identifiers import OperationRef
from domain.operation import Failure, Operation, OperationQueue, OperationState, StepState
from domain.row_changes import Decision, Insert, Replace, Versioned

# Longer than the requests between two writes take.
LEASE = timedelta(seconds=90)

_ACTIONS = {
    OperationState.SUCCEEDED: "succeeded",
    OperationState.FAILED: "failed",
    OperationState.UNKNOWN: "unknown",
}


class TurnLost(Exception):
    """Another worker runs the operation now, or its tenant was removed: write nothing more."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another operation of the tenant runs now, or Microsoft asked to wait."""


@dataclass(slots=True)
class Turn:
    """A worker's turn.

    Args:
        operation: As this worker wrote it last.
    """

    ports: OperationPorts
    operation: Operation

    async def update(self, change: Callable[[Operation], Operation]) -> None:
        """Write a change of the operation, and keep the turn for another while.

        Raises:
            TurnLost: Another worker has the operation now.
        """
        await self._write(change, LEASE)

    async def release(self, wait: float = 0.0) -> None:
        """End the turn before the operation is finished.

        Args:
            wait: Seconds for which no operation of the tenant is to start.

        Raises:
            TurnLost: Another worker has the operation now.
        """
        await self._write(lambda operation: operation, timedelta(seconds=wait))

    async def mark_step(
        self, number: int, state: StepState, before: Properties | None = None
    ) -> None:
        """Write the state of a step.

        Args:
            before: The before-image; the first one is kept.
        """
        now = self.ports.clock.now()

        def change(operation: Operation) -> Operation:
            at = None if state is StepState.PENDING else now
            steps = list(operation.steps)
            steps[number] = replace(steps[number], state=state, at=at)
            image = before if operation.before is None else operation.before
            return replace(operation, steps=tuple(steps), before=image)

        await self.update(change)

    async def end(
        self,
        state: OperationState,
        failure: Failure | None = None,
        after: Properties | None = None,
    ) -> None:
        """Finish the operation, with its audit event.

        Raises:
            TurnLost: Another worker has the operation now.
        """
        now = self.ports.clock.now()
        facts: dict[str, Any] = {
            "state": state,
            "failure": failure,
            "after": after,
            "finished_at": now,
        }

        def decide(rows: LedgerRows) -> Decision[Operation]:
            operation, queue = self._mine(rows)
            ended: Operation = replace(operation.value, runner=None, **facts)
            left = Versioned(replace(queue.value, busy_until=None), queue.version)
            cause = Cause(ended.requested_by, now, ended.request_id)
            event = audited(ended, _ACTIONS[state], cause, ended.before, ended.after)
            changes = (Replace(ended, operation.version), Insert(event), *dequeued(ended, left))
            return Decision(ended, changes)

        self.operation = await self._commit(decide)

    async def _write(self, change: Callable[[Operation], Operation], busy_for: timedelta) -> None:
        until = self.ports.clock.now() + busy_for

        def decide(rows: LedgerRows) -> Decision[Operation]:
            operation, queue = self._mine(rows)
            changed = change(operation.value)
            busy = replace(queue.value, busy_until=until)
            return Decision(
                changed, (Replace(changed, operation.version), Replace(busy, queue.version))
            )

        self.operation = await self._commit(decide)

    async def _commit[R](self, decide: Callable[[LedgerRows], Decision[R]]) -> R:
        msps, ref = self.ports.msps, self.operation.ref
        return await decide_and_commit(lambda: read_rows(msps, ref), decide, msps.commit)

    def _mine(self, rows: LedgerRows) -> tuple[Versioned[Operation], Versioned[OperationQueue]]:
        operation, queue = rows.operation, rows.queue
        if operation is None or queue is None or operation.value.runner != self.operation.runner:
            raise TurnLost
        return operation, queue


async def take_turn(ports: OperationPorts, ref: OperationRef) -> Turn | Busy | None:
    """Take the turn of the operation that is next at the tenant.

    Returns:
        None if the operation of the reference does not wait any more.
    """
    mark = uuid4().hex

    async def read() -> LedgerRows:
        queue = await ports.msps.find(OperationQueue, ref.msp_id, ref.tenant_id, ref.epoch)
        if queue is None or ref.operation_id not in queue.value.waiting:
            return LedgerRows(None, queue)
        rows = await read_rows(ports.msps, replace(ref, operation_id=queue.value.waiting[0]))
        return replace(rows, queue=queue)

    def decide(rows: LedgerRows) -> Decision[Turn | Busy | None]:
        now = ports.clock.now()
        if rows.operation is None or rows.queue is None:
            return Decision(None)
        if rows.queue.value.is_busy(now):
            return Decision(Busy())
        running = _running(rows.operation.value, now, mark)
        busy = replace(rows.queue.value, busy_until=now + LEASE)
        changes = (Replace(running, rows.operation.version), Replace(busy, rows.queue.version))
        return Decision(Turn(ports, running), changes)

    return await decide_and_commit(read, decide, ports.msps.commit)


def _running(operation: Operation, now: datetime, mark: str) -> Operation:
    started_at = operation.started_at or now
    return replace(operation, state=OperationState.RUNNING, started_at=started_at, runner=mark)
