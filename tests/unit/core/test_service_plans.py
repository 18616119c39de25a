"""The service plans that a tenant's licences contain."""

from typing import Any

import pytest

from core.data_sets.identity import DOMAINS
from core.data_sets.security import INCIDENTS, RISKY_USERS
from core.service_plans import active_plans, plans_of


def licence(status: str | None = "Enabled", **plans: str | None) -> dict[str, Any]:
    listed = [
        {"servicePlanName": name, "provisioningStatus": state} for name, state in plans.items()
    ]
    return {"capabilityStatus": status, "servicePlans": listed}


@pytest.mark.parametrize("status", ["Enabled", "Warning", None])
def test_the_plans_of_a_usable_licence_are_active(status: str | None) -> None:
    assert active_plans([licence(status, AAD_PREMIUM="Success")]) == {"AAD_PREMIUM"}


@pytest.mark.parametrize("status", ["Suspended", "Deleted", "LockedOut", "unheard of"])
def test_a_licence_that_cannot_be_used_has_no_active_plans(status: str) -> None:
    assert active_plans([licence(status, AAD_PREMIUM="Success")]) == frozenset()


@pytest.mark.parametrize(
    ("state", "is_active"),
    [
        ("Success", True),
        ("PendingInput", True),
        ("PendingActivation", True),
        ("PendingProvisioning", True),
        ("Disabled", False),
        ("Error", False),
        (None, False),
    ],
)
def test_a_plan_counts_as_its_state_says(state: str | None, is_active: bool) -> None:
    assert active_plans([licence(MTP=state)]) == (frozenset({"MTP"} if is_active else ()))


def test_a_plan_that_one_licence_disables_may_be_active_in_another() -> None:
    licences = [
        licence(AAD_PREMIUM="Disabled", MTP="Success"),
        licence("Suspended", INTUNE_A="Success"),
        licence(AAD_PREMIUM="Success"),
    ]
    assert active_plans(licences) == {"AAD_PREMIUM", "MTP"}


def test_a_licence_may_have_no_plans() -> None:
    assert active_plans([{}, {"servicePlans": None}, {"servicePlans": []}]) == frozenset()


def test_the_plans_that_data_sets_need_are_put_together() -> None:
    assert plans_of([DOMAINS]) == frozenset()
    assert plans_of([DOMAINS, RISKY_USERS, INCIDENTS]) == {*RISKY_USERS.plans, *INCIDENTS.plans}
