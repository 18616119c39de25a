"""The ledger and HTTP call every error by the same code."""

import pytest

from core.operations.refusals import code_of
from domain import errors
from domain.errors import DomainError
from edge.errors import TABLE


@pytest.mark.parametrize(
    "error",
    [
        errors.ChangedMeanwhile("x"),
        errors.ConsentRequired("x"),
        errors.MasteredOnPremises("x"),
        errors.MicrosoftError("x"),
        errors.MicrosoftRefused("x"),
        errors.OperationAbandoned("x"),
        errors.OperationExpired("x"),
        errors.OwnerRequired("x"),
        errors.PermissionMissing("x"),
        errors.PrivilegedUser("x"),
        errors.Protected("self"),
        errors.RoleRequired("x"),
        errors.TenantNotFound("x"),
        errors.TenantNotManageable("x"),
        errors.UserNotFound("x"),
    ],
)
def test_the_code_of_an_error_is_that_of_its_answer(error: DomainError) -> None:
    assert code_of(error) == TABLE[type(error)][1]
