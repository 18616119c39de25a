"""The requests of an operation: those of its kind, or those that put its object back."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.operations.kind import OperationKind, Properties, Step
from domain.operation import Operation
from domain.ports.graph_writer import GraphWrite

# The parameters of a rollback.
RESTORES, EXPECTS = "restores", "expects"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of one operation."""

    step: Step
    write: GraphWrite

    def is_done(self, current: Properties) -> bool:
        """Return whether the object shows that nothing is left to do."""
        if self.step.done is not None:
            return self.step.done(current)
        if self.write.method != "PATCH" or self.write.body is None:
            return False
        return all(
            name in current and current[name] == value for name, value in self.write.body.items()
        )


def plan(kind: OperationKind, operation: Operation) -> tuple[PlannedStep, ...]:
    """Return the steps of an operation."""
    if operation.rolls_back is not None:
        return tuple(_restoring(kind, operation))
    return tuple(PlannedStep(step, step.request.to(operation)) for step in kind.steps)


def _restoring(kind: OperationKind, operation: Operation) -> Iterator[PlannedStep]:
    """Yield a step for each one of the kind, last one first, that sets the earlier values."""
    original: Properties = operation.parameters[RESTORES]
    for step in reversed(kind.steps):
        write = step.request.to(operation)
        body = {name: original.get(name) for name in write.body or {}}
        plain = Step(step.name, step.request, repeatable=True)
        yield PlannedStep(plain, GraphWrite(write.method, write.path, body))


def after_image(steps: tuple[PlannedStep, ...], before: Properties) -> Properties:
    """Return the object's properties after the steps."""
    after = dict(before)
    for planned in steps:
        if planned.write.method == "PATCH":
            after |= {k: v for k, v in (planned.write.body or {}).items() if k in before}
    return after
