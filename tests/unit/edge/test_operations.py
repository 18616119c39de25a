"""Operations over HTTP: statuses, errors that are repeated, and the key."""

from dataclasses import replace
from typing import Any

import pytest

from domain.audit import Actor
from domain.errors import (
    DomainError,
    MalformedInput,
    MicrosoftError,
    PrivilegedUser,
    Protected,
)
from domain.identifiers import OperationId
from domain.operation import Failure, Operation, OperationState
from edge.answers import refused
from edge.operations import OperationAnswer, error_of, idempotency_key, operation_answer
from edge.requests import PublicRequest
from tests.samples import CONTOSO, NOW, OWNER, tenant

REF = tenant().ref
OPERATION = Operation(
    msp_id=CONTOSO,
    tenant_id=REF.tenant_id,
    epoch=REF.epoch,
    operation_id=OperationId("o-1"),
    kind="disable-user",
    state=OperationState.SUCCEEDED,
    requested_by=Actor.staff(OWNER),
    requested_at=NOW,
    request_id="r-1",
    before={"accountEnabled": True},
    after={"accountEnabled": False},
)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (OperationState.SUCCEEDED, 200),
        (OperationState.UNKNOWN, 200),
        (OperationState.CANCELLED, 200),
        (OperationState.REQUESTED, 202),
        (OperationState.RUNNING, 202),
        (OperationState.AWAITING_APPROVAL, 202),
    ],
)
def test_what_is_finished_is_200_and_what_is_under_way_202(
    state: OperationState, status: int
) -> None:
    answer = operation_answer(replace(OPERATION, state=state))
    assert answer.status == status
    assert isinstance(answer.body, OperationAnswer)
    is_done = state is OperationState.SUCCEEDED
    expected = {"accountEnabled": False, "changed": True} if is_done else None
    assert answer.body.result == expected


@pytest.mark.parametrize(
    ("failure", "kind", "status"),
    [
        (Failure("privileged_user", "x"), PrivilegedUser, 403),
        (Failure("protected", "x", ("break_glass", "self")), Protected, 409),
        (Failure("microsoft_error", "Graph answered 400"), MicrosoftError, 502),
        (Failure("of_a_newer_release", "Graph answered 400"), MicrosoftError, 502),
    ],
)
def test_a_failed_operation_answers_with_its_error(
    failure: Failure, kind: type[DomainError], status: int
) -> None:
    failed = replace(OPERATION, state=OperationState.FAILED, failure=failure)
    with pytest.raises(kind) as raised:
        operation_answer(failed)
    response: Any = refused(raised.value, "r-2")
    assert response.status_code == status
    if kind is Protected:
        assert raised.value.reasons == failure.reasons  # type: ignore[attr-defined]  # it has them
        assert b'"reasons": ["break_glass", "self"]' in response.get_body()
    assert type(error_of(failure)) is kind
    shown = OperationAnswer.of(failed)
    assert shown.error is not None
    assert shown.error.code == failure.code


def request(**headers: str) -> PublicRequest:
    return PublicRequest(
        request_id="r", method="POST", url="x", headers=headers, path={}, arguments={}
    )


def test_the_key_is_visible_ascii() -> None:
    assert idempotency_key(request()) is None
    for key in ("a", "x" * 255, "~!"):
        assert idempotency_key(request(**{"idempotency-key": key})) == key
    for key in ("", "x" * 256, "a b", "é", "a\n"):
        with pytest.raises(MalformedInput):
            idempotency_key(request(**{"idempotency-key": key}))
