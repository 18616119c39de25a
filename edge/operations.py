"""Operations over HTTP: the answer that all of them have, and the header `Idempotency-Key`."""

import re
from typing import Any

from domain.errors import DomainError, MalformedInput, MicrosoftError, Protected
from domain.operation import Failure, Operation, OperationState, StepRecord, StepState
from edge.actor_answer import ActorAnswer
from edge.answers import Answer
from edge.errors import TABLE
from edge.models import ApiModel, Timestamp
from edge.requests import PublicRequest

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class StepAnswer(ApiModel):
    """One step of an operation."""

    name: str
    state: StepState
    at: Timestamp | None

    @classmethod
    def of(cls, step: StepRecord) -> "StepAnswer":
        """Return a step's answer."""
        return cls(name=step.name, state=step.state, at=step.at)


class FailureAnswer(ApiModel):
    """Why an operation failed, or why its end is unknown."""

    code: str
    message: str
    reasons: list[str]

    @classmethod
    def of(cls, failure: Failure | None) -> "FailureAnswer | None":
        """Return a failure's answer."""
        if failure is None:
            return None
        reasons = list(failure.reasons)
        return cls(code=failure.code, message=failure.message, reasons=reasons)


class OperationAnswer(ApiModel):
    """A change of a managed tenant: who, what, to whom, why, and how it went.

    `result` is there when it has succeeded: the changed properties, and whether they changed.
    """

    operation_id: str
    tenant_id: str
    kind: str
    state: OperationState
    user_id: str | None
    user_principal_name: str | None
    requested_by: ActorAnswer
    requested_at: Timestamp
    reason: str | None
    overridden: list[str]
    rolls_back: str | None
    decided_by: ActorAnswer | None
    decided_at: Timestamp | None
    started_at: Timestamp | None
    finished_at: Timestamp | None
    steps: list[StepAnswer]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    result: dict[str, Any] | None
    error: FailureAnswer | None

    @classmethod
    def of(cls, operation: Operation) -> "OperationAnswer":
        """Return an operation's answer."""
        decided_by = operation.decided_by
        return cls(
            operation_id=operation.operation_id,
            tenant_id=operation.tenant_id,
            kind=operation.kind,
            state=operation.state,
            user_id=operation.target_id,
            user_principal_name=operation.target_name,
            requested_by=ActorAnswer.of(operation.requested_by),
            requested_at=operation.requested_at,
            reason=operation.reason,
            overridden=list(operation.overridden),
            rolls_back=operation.rolls_back,
            decided_by=ActorAnswer.of(decided_by) if decided_by else None,
            decided_at=operation.decided_at,
            started_at=operation.started_at,
            finished_at=operation.finished_at,
            steps=[StepAnswer.of(step) for step in operation.steps],
            before=_plain(operation.before),
            after=_plain(operation.after),
            result=_result(operation),
            error=FailureAnswer.of(operation.failure),
        )


def _plain(image: Any) -> dict[str, Any] | None:
    return None if image is None else dict(image)


def _result(operation: Operation) -> dict[str, Any] | None:
    if operation.state is not OperationState.SUCCEEDED:
        return None
    return {**(operation.after or {}), "changed": operation.before != operation.after}


def operation_answer(operation: Operation) -> Answer:
    """Return the answer to a request for an operation: 200 when finished, 202 while under way.

    Raises:
        DomainError: It has failed: the error that it failed with. So a request that is sent again
            with the same key has the same answer.
    """
    if operation.state is OperationState.FAILED and operation.failure:
        raise error_of(operation.failure)
    status = 200 if operation.is_finished else 202
    return Answer(status, OperationAnswer.of(operation))


def error_of(failure: Failure) -> DomainError:
    """Return the error that an operation failed with."""
    if failure.code == TABLE[Protected][1]:
        return Protected(*failure.reasons)
    found = (cls for cls, (_status, code) in TABLE.items() if code == failure.code)
    return next(found, MicrosoftError)(failure.message)


def idempotency_key(request: PublicRequest) -> str | None:
    """Return the request's `Idempotency-Key`, or None; without one, every request counts.

    https://docs.stripe.com/api/idempotent_requests

    Raises:
        MalformedInput: It is not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise MalformedInput("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return key
