"""Asking for an operation: checked, recorded with its audit event, and carried out if short."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.operations.checks import check, check_confirmed
from core.operations.idempotency import digest, is_repetition
from core.operations.kind import OperationKind
from core.operations.plan import plan
from core.operations.ports import Attempt, LedgerRows, OperationPorts, msp_of, read_rows
from core.operations.rows import audited, enqueued, requested
from core.operations.run import run_operation
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import OperationNotFound
from domain.identifiers import OperationId, OperationRef
from domain.operation import (
    IdempotencyKey,
    Operation,
    OperationEntry,
    OperationState,
    StepRecord,
    new_operation_id,
)
from domain.ports.pending_work import PendingWork
from domain.row_changes import Decision, Insert, RowChange, Versioned, write
from domain.tenant import Tenant
from domain.work_queues import RUN_OPERATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request for an operation.

    Args:
        target: Object ID or user principal name, as the caller has it.
        reason: Why, in the caller's words.
        override: Whether an owner overrides the protection of the target.
        confirm: The primary domain of the partner tenant, where a kind requires it.
        approval: Whether another person must approve it.
        key: The `Idempotency-Key`, if there is one.
        rolls_back: The operation to revert.
    """

    kind: OperationKind
    tenant: Tenant
    target: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    override: bool = False
    confirm: str | None = None
    approval: bool = False
    key: str | None = None
    rolls_back: OperationId | None = None

    @property
    def digest(self) -> str:
        """The digest of what is asked for."""
        return digest(
            {
                "kind": self.kind.name,
                "tenant": self.tenant.ref.epoch,
                "target": (self.target or "").lower(),
                "parameters": self.parameters,
                "reason": self.reason,
                "override": self.override,
                "confirm": self.confirm,
                "approval": self.approval,
                "rollsBack": self.rolls_back,
            }
        )


async def request_operation(ports: OperationPorts, wanted: Wanted, cause: Cause) -> Operation:
    """Return the operation after it was recorded and, if it is short, carried out.

    A request with an `Idempotency-Key` that was used for the same request returns the operation of
    that time.

    Raises:
        IdempotencyMismatch: The key was used for another request.
        DomainError: A check refuses the operation, and nothing is recorded.
    """
    if known := await _earlier(ports, wanted, cause):
        return known
    asked = _operation(wanted, cause)
    check_confirmed(wanted.kind, wanted.tenant, wanted.confirm)
    msp = await msp_of(ports.msps, asked.ref)
    attempt = Attempt(msp, wanted.tenant, wanted.kind, asked)
    checked = (await check(ports, attempt, override=wanted.override)).operation
    recorded = await _record(ports, wanted, checked, cause)
    if recorded == asked.ref and wanted.kind.is_short:
        await run_operation(ports, recorded)
    elif recorded == asked.ref:
        await ports.queues.send(RUN_OPERATION, recorded)
    return await _found(ports, recorded)


def _operation(wanted: Wanted, cause: Cause) -> Operation:
    ref, is_awaiting = wanted.tenant.ref, wanted.approval or wanted.kind.needs_approval
    operation = Operation(
        msp_id=ref.msp_id,
        tenant_id=ref.tenant_id,
        epoch=ref.epoch,
        operation_id=new_operation_id(cause.at),
        kind=wanted.kind.name,
        state=OperationState.AWAITING_APPROVAL if is_awaiting else OperationState.REQUESTED,
        requested_by=cause.actor,
        requested_at=cause.at,
        request_id=cause.request_id,
        target_id=wanted.target,
        parameters=wanted.parameters,
        reason=wanted.reason,
        rolls_back=wanted.rolls_back,
        idempotency=digest(wanted.key) if wanted.key else None,
    )
    steps = tuple(StepRecord(planned.step.name) for planned in plan(wanted.kind, operation))
    return replace(operation, steps=steps)


async def _earlier(ports: OperationPorts, wanted: Wanted, cause: Cause) -> Operation | None:
    """Return the operation that the same request started earlier, if it is still there."""
    known = await _key(ports, wanted, digest(wanted.key)) if wanted.key else None
    if known is None or not is_repetition(known.value, wanted.digest, cause.at):
        return None
    return (await read_rows(ports.msps, _ref(known.value))).operation_or_none


async def _key(
    ports: OperationPorts, wanted: Wanted, key: str | None
) -> Versioned[IdempotencyKey] | None:
    return await ports.msps.find(IdempotencyKey, wanted.tenant.msp_id, key) if key else None


async def _record(
    ports: OperationPorts, wanted: Wanted, operation: Operation, cause: Cause
) -> OperationRef:
    """Record an operation, or return the one that the same request has just recorded."""
    await ports.pending_work.record(PendingWork(RUN_OPERATION, operation.ref, cause.at))

    async def read() -> tuple[LedgerRows, Versioned[IdempotencyKey] | None]:
        key = await _key(ports, wanted, operation.idempotency)
        return await read_rows(ports.msps, operation.ref), key

    def decide(
        read: tuple[LedgerRows, Versioned[IdempotencyKey] | None],
    ) -> Decision[OperationRef]:
        rows, key = read
        if key and is_repetition(key.value, wanted.digest, cause.at):
            return Decision(_ref(key.value))
        changes = _rows(operation, rows, cause)
        if operation.idempotency:
            changes += (write(_key_row(operation, operation.idempotency, wanted.digest), key),)
        return Decision(operation.ref, changes)

    recorded = await decide_and_commit(read, decide, ports.msps.commit)
    if recorded != operation.ref:
        await ports.pending_work.drop(RUN_OPERATION, operation.ref)
    return recorded


def _rows(operation: Operation, rows: LedgerRows, cause: Cause) -> tuple[RowChange, ...]:
    recorded: tuple[RowChange, ...] = (
        Insert(operation),
        Insert(OperationEntry.of(operation)),
        Insert(audited(operation, "requested", cause, after=requested(operation))),
    )
    if operation.state is OperationState.REQUESTED:
        recorded += (enqueued(operation, rows.queue),)
    return recorded


def _key_row(operation: Operation, key: str, request: str) -> IdempotencyKey:
    return IdempotencyKey(
        operation.msp_id,
        key,
        request,
        operation.tenant_id,
        operation.epoch,
        operation.operation_id,
        operation.requested_at,
    )


def _ref(key: IdempotencyKey) -> OperationRef:
    return OperationRef(key.msp_id, key.tenant_id, key.epoch, key.operation_id)


async def _found(ports: OperationPorts, ref: OperationRef) -> Operation:
    found = (await read_rows(ports.msps, ref)).operation_or_none
    if found is None:
        raise OperationNotFound("The tenant has just been removed.")
    return found
