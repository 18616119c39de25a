"""Decisions of people on an operation that waits: approve, reject, cancel."""

from collections.abc import Callable
from dataclasses import replace

from core.operations.checks import check_staff
from core.operations.ports import LedgerRows, OperationPorts, read_rows, tenant_of
from core.operations.rows import audited, dequeued, enqueued
from core.operations.run import run_operation
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import InvalidOperationState, OperationNotFound, OwnOperation, PermissionMissing
from domain.identifiers import OperationRef
from domain.operation import Operation, OperationState
from domain.ports.pending_work import PendingWork
from domain.roles import StaffMember
from domain.row_changes import Decision, Insert, Replace, RowChange, Versioned
from domain.work_queues import RUN_OPERATION

_CANCELLABLE = {OperationState.REQUESTED, OperationState.AWAITING_APPROVAL}


async def approve(
    ports: OperationPorts, ref: OperationRef, member: StaffMember, cause: Cause
) -> Operation:
    """Approve an operation, and carry it out if it is short.

    Raises:
        OwnOperation: The member asked for it.
        PermissionMissing: The member could not ask for it.
        InvalidOperationState: It does not wait for approval.
    """
    await _check_person(ports, ref, member)
    await ports.pending_work.record(PendingWork(RUN_OPERATION, ref, cause.at))

    def decide(operation: Versioned[Operation], rows: LedgerRows) -> tuple[RowChange, ...]:
        _check_awaits(operation.value, member)
        approved = replace(_decided(operation.value, cause), state=OperationState.REQUESTED)
        event = audited(approved, "approved", cause)
        queue = enqueued(approved, rows.queue)
        return Replace(approved, operation.version), queue, Insert(event)

    approved = await _decide(ports, ref, decide)
    kind = ports.kinds[approved.kind]
    if kind.is_short:
        await run_operation(ports, ref)
    else:
        await ports.queues.send(RUN_OPERATION, ref)
    return (await read_rows(ports.msps, ref)).operation_or_none or approved


async def reject(
    ports: OperationPorts, ref: OperationRef, member: StaffMember, cause: Cause
) -> Operation:
    """Reject an operation: it is cancelled.

    Raises:
        OwnOperation: The member asked for it.
        PermissionMissing: The member could not ask for it.
        InvalidOperationState: It does not wait for approval.
    """
    await _check_person(ports, ref, member)

    def decide(operation: Versioned[Operation], _rows: LedgerRows) -> tuple[RowChange, ...]:
        _check_awaits(operation.value, member)
        rejected = _cancelled(operation.value, cause)
        return Replace(rejected, operation.version), Insert(audited(rejected, "rejected", cause))

    return await _decide(ports, ref, decide)


async def cancel(
    ports: OperationPorts, ref: OperationRef, member: StaffMember, cause: Cause
) -> Operation:
    """Cancel an operation that no worker has begun.

    Raises:
        PermissionMissing: The member could not ask for it.
        InvalidOperationState: It has begun.
    """
    await _check_person(ports, ref, member)

    def decide(operation: Versioned[Operation], rows: LedgerRows) -> tuple[RowChange, ...]:
        if operation.value.state not in _CANCELLABLE:
            raise InvalidOperationState(f"The operation is {operation.value.state} already.")
        cancelled = _cancelled(operation.value, cause)
        event = Insert(audited(cancelled, "cancelled", cause))
        return Replace(cancelled, operation.version), event, *dequeued(cancelled, rows.queue)

    return await _decide(ports, ref, decide)


async def _check_person(ports: OperationPorts, ref: OperationRef, member: StaffMember) -> None:
    """Check that the member could ask for the operation itself."""
    tenant = await tenant_of(ports.msps, ref)
    found = (await read_rows(ports.msps, ref)).operation_or_none
    if tenant is None or found is None:
        raise OperationNotFound("No such operation.")
    kind = ports.kinds.get(found.kind)
    if kind is None:
        raise PermissionMissing("This kind of operation is not known here.")
    check_staff(member, kind.staff, tenant)


def _check_awaits(operation: Operation, member: StaffMember) -> None:
    asked_by = operation.requested_by
    if operation.state is not OperationState.AWAITING_APPROVAL:
        raise InvalidOperationState("The operation does not wait for approval.")
    if (asked_by.tid, asked_by.oid) == (member.tid, member.oid):
        raise OwnOperation("Another person must decide on your operation.")


def _decided(operation: Operation, cause: Cause) -> Operation:
    return replace(operation, decided_by=cause.actor, decided_at=cause.at)


def _cancelled(operation: Operation, cause: Cause) -> Operation:
    decided = _decided(operation, cause)
    return replace(decided, state=OperationState.CANCELLED, finished_at=cause.at)


async def _decide(
    ports: OperationPorts,
    ref: OperationRef,
    decide: Callable[[Versioned[Operation], LedgerRows], tuple[RowChange, ...]],
) -> Operation:
    def decision(rows: LedgerRows) -> Decision[Operation]:
        if rows.operation is None:
            raise OperationNotFound("No such operation.")
        changes = decide(rows.operation, rows)
        (changed,) = (c.row for c in changes if isinstance(c.row, Operation))
        return Decision(changed, changes)

    return await decide_and_commit(lambda: read_rows(ports.msps, ref), decision, ports.msps.commit)
