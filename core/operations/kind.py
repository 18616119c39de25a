"""Kinds of operations: data, one value a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from domain.operation import Operation
from domain.ports.graph_writer import GraphWrite
from domain.roles import Permission

type Properties = Mapping[str, Any]


class Target(StrEnum):
    """What an operation changes."""

    USER = "user"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Get:
    """The request that shows what an operation changes.

    Args:
        path: Below /v1.0; `{id}` is the target. It selects exactly the properties that may be put
            back.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A request that sets properties.

    Args:
        path: Below /v1.0; `{id}` is the target.
        body: The properties and their new values.
    """

    path: str
    body: Properties

    def to(self, operation: Operation) -> GraphWrite:
        """Return the request of an operation."""
        return GraphWrite("PATCH", path_of(self.path, operation), self.body)


@dataclass(frozen=True, slots=True)
class Post:
    """A request that calls an action.

    Args:
        path: Below /v1.0; `{id}` is the target.
    """

    path: str
    body: Properties = field(default_factory=dict)

    def to(self, operation: Operation) -> GraphWrite:
        """Return the request of an operation."""
        return GraphWrite("POST", path_of(self.path, operation), self.body)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of an operation.

    Args:
        repeatable: Whether it may be sent again if nobody knows whether it was carried out.
        done: Whether the object, as `before` shows it, is as after the step; for a `Patch` without
            one: whether it has the new values. A step that is done is not sent.
    """

    name: str
    request: Patch | Post
    repeatable: bool
    done: Callable[[Properties], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationKind:
    """A kind of operation.

    Args:
        name: As the ledger and the audit log have it, such as `disable-user`.
        title: What it does, for people.
        staff: The permission that staff need for it.
        permission: The Graph permission that its requests need.
        role: The Entra role that the service account needs for it at a customer.
        before: Reads what it changes, before and after.
        protects: Whether it may lock an account out, so that protected accounts are refused.
        confirms: Whether the partner tenant's primary domain must be named to change it.
        needs_approval: Whether another person must approve it.
        is_short: Whether it is carried out within the HTTP request.
        on_premises: Whether it changes what Active Directory manages for synchronised users.
    """

    name: str
    title: str
    target: Target = Target.USER
    staff: Permission
    permission: str
    role: str
    before: Get
    steps: tuple[Step, ...]
    protects: bool = False
    confirms: bool = False
    needs_approval: bool = False
    is_short: bool = True
    on_premises: bool = False

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether the before-image has all that its steps change."""
        return all(isinstance(step.request, Patch) for step in self.steps)


def path_of(template: str, operation: Operation) -> str:
    """Return the path of an operation's request."""
    return template.replace("{id}", quote(operation.target_id or "", safe="@"))
