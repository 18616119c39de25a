"""What Graph's refusals mean: decided by code and by what was read before, never by text."""

import re
from http import HTTPStatus

from core.operations.kind import Target
from core.operations.ports import Attempt
from domain.errors import (
    DomainError,
    MicrosoftError,
    PrivilegedUser,
    RoleRequired,
    UserNotFound,
)
from domain.ports.graph_writer import Refused

# Microsoft lets only this role and Global Administrator change most people who hold a role.
# https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions
_FOR_PRIVILEGED = "Privileged Authentication Administrator"
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def code_of(error: DomainError) -> str:
    """Return an error's stable code: the name of its class in lower case."""
    return _BETWEEN_WORDS.sub("_", type(error).__name__).lower()


def error_of(answer: Refused, attempt: Attempt, roles: frozenset[str]) -> DomainError:
    """Return the error that a refusal means.

    Args:
        roles: The Entra roles that the target holds.
    """
    if answer.is_denied and roles:
        return PrivilegedUser(
            "The user holds an Entra role. Microsoft lets only an account or app with the role"
            f" {_FOR_PRIVILEGED} change it: do it as such an administrator."
        )
    if answer.is_denied and not attempt.tenant.is_own_msp_tenant:
        return RoleRequired(
            "The service account lacks a role at this customer: give its security group the role"
            f" {attempt.kind.role}."
        )
    if answer.status == HTTPStatus.NOT_FOUND and attempt.kind.target is Target.USER:
        return UserNotFound("The tenant has no such user any more.")
    request = f", request {answer.request_id}" if answer.request_id else ""
    return MicrosoftError(f"Microsoft Graph answered {answer.status} ({answer.code}{request}).")
