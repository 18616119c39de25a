"""Carrying out an operation, step by step, in a way that a crash at any point does not spoil."""

from datetime import timedelta

from core.operations.checks import Checked, check
from core.operations.kind import OperationKind, Properties, path_of
from core.operations.plan import EXPECTS, PlannedStep, after_image, plan
from core.operations.ports import Attempt, msp_of, tenant_of
from core.operations.refusals import code_of, error_of
from core.operations.turn import Turn
from domain.errors import (
    ChangedMeanwhile,
    ConcurrentChange,
    DomainError,
    MicrosoftUnavailable,
    OperationExpired,
    Protected,
    StorageUnavailable,
    TenantNotFound,
    UserNotFound,
)
from domain.operation import Failure, OperationState, StepState
from domain.ports.graph_writer import AnswerLost, Applied, Refused, Throttled

# Nobody expects an operation any more that could not be carried out within a day.
EXPIRES_AFTER = timedelta(hours=24)
# Another attempt may help.
PASSING = (MicrosoftUnavailable, StorageUnavailable, ConcurrentChange)


class OutcomeUnknown(Exception):
    """The answer to a step that must not be repeated is lost."""


class Wait(Exception):
    """The operation goes on later.

    Args:
        seconds: When.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def perform(turn: Turn, kind: OperationKind) -> None:
    """Carry an operation out, from where it stopped, and record its end.

    Raises:
        Wait: It goes on later.
        TurnLost: Another worker has the operation now.
        MicrosoftUnavailable, StorageUnavailable: Another attempt may help.
    """
    try:
        after = await _perform(turn, kind)
    except PASSING:
        raise
    except OutcomeUnknown:
        lost = "Microsoft's answer is lost: look at the user before you ask for it again."
        await turn.end(OperationState.UNKNOWN, Failure("answer_lost", lost))
    except DomainError as error:
        reasons = error.reasons if isinstance(error, Protected) else ()
        failure = Failure(code_of(error), str(error), reasons)
        await turn.end(OperationState.FAILED, failure)
    else:
        await turn.end(OperationState.SUCCEEDED, after=after)


async def _perform(turn: Turn, kind: OperationKind) -> Properties:
    """Carry out every step that is not done; return the properties afterwards."""
    attempt = await _attempt(turn, kind)
    steps = plan(kind, turn.operation)
    for number, planned in enumerate(steps):
        if turn.operation.steps[number].state is not StepState.DONE:
            await _take_step(turn, attempt, number, planned)
    return after_image(steps, turn.operation.before or {})


async def _attempt(turn: Turn, kind: OperationKind) -> Attempt:
    ports, operation = turn.ports, turn.operation
    tenant = await tenant_of(ports.msps, operation.ref)
    if tenant is None:
        raise TenantNotFound("The tenant was removed.")
    age = ports.clock.now() - (operation.decided_at or operation.requested_at)
    if age >= EXPIRES_AFTER:
        if any(step.state is StepState.SENT for step in operation.steps):
            raise OutcomeUnknown
        raise OperationExpired("The operation could not be carried out within a day.")
    return Attempt(await msp_of(ports.msps, operation.ref), tenant, kind, operation)


async def _current(turn: Turn, attempt: Attempt) -> Properties:
    path = path_of(attempt.kind.before.path, attempt.operation)
    current = await turn.ports.writer.read(attempt.msp, attempt.tenant, path)
    if current is None:
        raise UserNotFound("The tenant has no such user any more.")
    return current


async def _take_step(turn: Turn, attempt: Attempt, number: int, planned: PlannedStep) -> None:
    current = await _current(turn, attempt)
    was_sent = turn.operation.steps[number].state is StepState.SENT
    if not was_sent:
        _check_unchanged(turn, current)
    if planned.is_done(current):
        await turn.mark_step(number, StepState.DONE, before=current)
        return
    if was_sent and not planned.step.repeatable:
        raise OutcomeUnknown
    checked = await _check_again(turn, attempt)
    await turn.mark_step(number, StepState.SENT, before=current)
    await _send(turn, attempt, number, planned, checked)


async def _check_again(turn: Turn, attempt: Attempt) -> Checked:
    overridden = attempt.operation.overridden
    checked = await check(turn.ports, attempt, override=bool(overridden))
    if not set(checked.operation.overridden) <= set(overridden):
        raise Protected(*checked.operation.overridden)
    return checked


def _check_unchanged(turn: Turn, current: Properties) -> None:
    """Check before a rollback's first step that nothing else has changed since.

    Raises:
        ChangedMeanwhile: Something has.
    """
    operation = turn.operation
    is_first = all(step.state is StepState.PENDING for step in operation.steps)
    if operation.rolls_back and is_first and current != operation.parameters[EXPECTS]:
        raise ChangedMeanwhile("Something else has changed since: nothing is put back.")


async def _send(
    turn: Turn, attempt: Attempt, number: int, planned: PlannedStep, checked: Checked
) -> None:
    answer = await turn.ports.writer.write(attempt.msp, attempt.tenant, planned.write)
    match answer:
        case Applied():
            await turn.mark_step(number, StepState.DONE)
        case Throttled(retry_after=seconds):
            await turn.mark_step(number, StepState.PENDING)
            raise Wait(seconds)
        case Refused():
            raise error_of(answer, attempt, checked.roles)
        case AnswerLost():
            await _look(turn, attempt, number, planned)


async def _look(turn: Turn, attempt: Attempt, number: int, planned: PlannedStep) -> None:
    """Look whether a step was carried out, since its answer is lost."""
    if planned.is_done(await _current(turn, attempt)):
        await turn.mark_step(number, StepState.DONE)
    elif planned.step.repeatable:
        raise MicrosoftUnavailable("The answer of Microsoft Graph is lost.")
    else:
        raise OutcomeUnknown
