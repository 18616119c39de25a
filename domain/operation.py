"""Operations: every change of a managed tenant is one, and each is a row.

requested -> (awaiting_approval) -> running -> succeeded | failed | unknown | cancelled
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from domain.audit import Actor
from domain.identifiers import Epoch, MspId, OperationId, OperationRef, TenantId
from domain.newest_first import newest_first, time_of

_RANDOM_DIGITS = 12
_ID = re.compile(r"[0-9]{18}-[0-9a-f]{12}")


class OperationState(StrEnum):
    """The state of an operation."""

    AWAITING_APPROVAL = "awaiting_approval"
    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # Microsoft's answer was lost, and the step must not be repeated
    CANCELLED = "cancelled"


# In these states an operation does not change any more.
FINISHED = frozenset(
    {
        OperationState.SUCCEEDED,
        OperationState.FAILED,
        OperationState.UNKNOWN,
        OperationState.CANCELLED,
    }
)


class StepState(StrEnum):
    """The state of a step; `sent` is stored before the step's request."""

    PENDING = "pending"
    SENT = "sent"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of an operation.

    Args:
        at: When it reached its state; None while it is pending.
    """

    name: str
    state: StepState = StepState.PENDING
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed, or why its end is unknown.

    Args:
        code: The stable code of the error, as HTTP answers have it.
        message: A text for people; contains no text of Microsoft's.
        reasons: Details for programs, such as why an account is protected.
    """

    code: str
    message: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A change of a managed tenant: who, what, to whom, why, and how it went.

    Args:
        operation_id: Begins with the time of the request, so that later ones sort first.
        kind: Name of its `OperationKind`.
        target_id: Object ID of the user to change; None if it changes the tenant itself.
        target_name: The user principal name at the time of the request.
        parameters: Contains no secret.
        before: The changed properties as they were before the first request.
        after: The same properties afterwards.
        overridden: Protections that an owner has overridden.
        rolls_back: The operation that this one reverts.
        runner: Identifies the worker that runs it; a worker whose mark is gone writes nothing.
        idempotency: Digest of the `Idempotency-Key` that started it.
        request_id: The HTTP request that asked for it.
    """

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch
    operation_id: OperationId
    kind: str
    state: OperationState
    requested_by: Actor
    requested_at: datetime
    request_id: str
    target_id: str | None = None
    target_name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    overridden: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    failure: Failure | None = None
    rolls_back: OperationId | None = None
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    runner: str | None = None
    idempotency: str | None = None

    @property
    def ref(self) -> OperationRef:
        """What messages and pending work call it."""
        return OperationRef(self.msp_id, self.tenant_id, self.epoch, self.operation_id)

    @property
    def is_finished(self) -> bool:
        """Whether it does not change any more."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class OperationEntry:
    """The index row of an operation: finds it by its ID, and lists the MSP's newest first."""

    msp_id: MspId
    operation_id: OperationId
    tenant_id: TenantId
    epoch: Epoch

    @classmethod
    def of(cls, operation: Operation) -> "OperationEntry":
        """Return the index row of an operation."""
        return cls(operation.msp_id, operation.operation_id, operation.tenant_id, operation.epoch)


@dataclass(frozen=True, slots=True)
class OperationQueue:
    """A tenant's operations that are to run, one after the other; the first one is next.

    Args:
        busy_until: Until then a worker runs the first one, or Microsoft asked to wait.
    """

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch
    waiting: tuple[OperationId, ...] = ()
    busy_until: datetime | None = None

    def is_busy(self, now: datetime) -> bool:
        """Return whether no operation may be started now."""
        return self.busy_until is not None and self.busy_until > now


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An `Idempotency-Key` that started an operation.

    Args:
        key: Digest of the key.
        request: Digest of the request that the key came with.
    """

    msp_id: MspId
    key: str
    request: str
    tenant_id: TenantId
    epoch: Epoch
    operation_id: OperationId
    used_at: datetime


@dataclass(frozen=True, slots=True)
class BreakGlassAccounts:
    """The accounts of a tenant that are kept for emergencies, by object ID."""

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch
    user_ids: tuple[str, ...] = ()


def new_operation_id(now: datetime) -> OperationId:
    """Return the ID of an operation that is requested now."""
    return OperationId(f"{newest_first(now)}-{uuid4().hex[:_RANDOM_DIGITS]}")


def is_operation_id(text: str) -> bool:
    """Return whether a text has the form of an operation's ID, so that it may be part of a key."""
    return _ID.fullmatch(text) is not None


def requested_at(operation_id: OperationId) -> datetime:
    """Return the time in an operation's ID.

    Raises:
        ValueError: It is no ID of an operation.
    """
    return time_of(operation_id.partition("-")[0])
