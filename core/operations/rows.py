"""Rows that are written together with an operation: its audit event, and its tenant's queue."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.audit import AuditEvent, Cause
from domain.errors import TooManyOperations
from domain.operation import Operation, OperationQueue
from domain.row_changes import Replace, RowChange, Versioned, write

# The queue is one row; this many IDs fit.
MOST_WAITING = 500


def audited(
    operation: Operation,
    action: str,
    cause: Cause,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Return the audit event of what happened to an operation, such as `succeeded`.

    Args:
        before, after: The public values to record in addition to the operation itself.
    """
    failure = operation.failure
    return cause.event(
        operation.msp_id,
        f"operation.{action}",
        tenant_id=operation.tenant_id,
        outcome=failure.code if failure else None,
        before=before,
        after={**named(operation), **(after or {})},
    )


def named(operation: Operation) -> dict[str, Any]:
    """Return what names an operation in the audit log."""
    return {
        "operationId": operation.operation_id,
        "kind": operation.kind,
        "userId": operation.target_id,
        "userPrincipalName": operation.target_name,
    }


def requested(operation: Operation) -> dict[str, Any]:
    """Return what the audit log has of a request."""
    return {
        "state": str(operation.state),
        "reason": operation.reason,
        "overridden": list(operation.overridden),
        "rollsBack": operation.rolls_back,
    }


def enqueued(operation: Operation, known: Versioned[OperationQueue] | None) -> RowChange:
    """Return the change that adds an operation to the end of its tenant's queue.

    Raises:
        TooManyOperations: The queue is full.
    """
    empty = OperationQueue(operation.msp_id, operation.tenant_id, operation.epoch)
    queue = known.value if known else empty
    if len(queue.waiting) >= MOST_WAITING:
        raise TooManyOperations(f"{MOST_WAITING} operations of this tenant wait already.")
    return write(replace(queue, waiting=(*queue.waiting, operation.operation_id)), known)


def dequeued(
    operation: Operation, known: Versioned[OperationQueue] | None
) -> tuple[RowChange, ...]:
    """Return the change that removes an operation from its tenant's queue, if it is there."""
    if known is None or operation.operation_id not in known.value.waiting:
        return ()
    left = tuple(each for each in known.value.waiting if each != operation.operation_id)
    return (Replace(replace(known.value, waiting=left), known.version),)
