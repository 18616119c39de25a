"""The kinds of operations on users: what each asks for is asked for by the capability."""

import pytest

from core.capabilities import (
    MANAGING_USERS,
    application_permissions,
    delegated_permissions,
)
from core.operations.checks import GUARD_PERMISSIONS
from core.operations.kind import OperationKind, Patch
from domain.roles import Permission
from manage.users.functions import KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_app_asks_for_what_a_kind_needs(kind: OperationKind) -> None:
    needed = {kind.permission, *GUARD_PERMISSIONS}
    assert needed <= application_permissions([MANAGING_USERS])
    assert needed <= delegated_permissions([MANAGING_USERS])
    assert kind.role in MANAGING_USERS.roles


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_shows_what_it_changes(kind: OperationKind) -> None:
    shown = kind.before.path.partition("$select=")[2].split(",")
    patches = [step.request for step in kind.steps if isinstance(step.request, Patch)]
    assert all(patch.body.keys() <= set(shown) for patch in patches)
    assert kind.staff in {Permission.USERS_MANAGE, Permission.USERS_CREDENTIALS}
    assert kind.steps


def test_signing_in_is_allowed_and_blocked() -> None:
    assert set(KINDS) == {"disable-user", "enable-user"}
    assert KINDS["disable-user"].protects
    assert not KINDS["enable-user"].protects
    assert all(kind.can_be_rolled_back and kind.on_premises for kind in KINDS.values())
