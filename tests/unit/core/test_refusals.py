"""What a refusal means: a permission, a role or a licence is missing."""

from dataclasses import replace

import pytest

from core.data_sets.identity import DOMAINS
from core.data_sets.security import RISKY_USERS
from core.data_sets.usage import SIGN_IN_ACTIVITY
from core.refusals import Missing, lacks_plan, missing, text
from domain.data_set import DataSet
from domain.ports.graph_reader import Refusal, Unreadable
from domain.sync_state import Access

DENIED = Refusal("Authorization_RequestDenied", is_denied=True)
NO_LICENCE = Refusal("Authentication_RequestFromNonPremiumTenantOrB2CTenant", is_denied=True)
BAD_REQUEST = Refusal("BadRequest", is_denied=False)
PREMIUM = ("AAD_PREMIUM_P2",)
ALL = frozenset({*RISKY_USERS.permissions, *DOMAINS.permissions, *SIGN_IN_ACTIVITY.permissions})


def concluded(
    data_set: DataSet,
    refusal: Refusal | None,
    permissions: frozenset[str] | None = ALL,
    plans: frozenset[str] | None = None,
    *,
    is_delegated: bool = True,
) -> Missing:
    access = Access(permissions, plans)
    return missing(data_set, Unreadable("refused", refusal), access, is_delegated=is_delegated)


def test_the_data_sets_are_as_these_tests_need_them() -> None:
    assert RISKY_USERS.plans == PREMIUM
    assert DOMAINS.plans == ()
    assert len(SIGN_IN_ACTIVITY.permissions) == 2


def test_without_a_refusal_nothing_is_missing() -> None:
    assert concluded(RISKY_USERS, None, frozenset(), frozenset()) == Missing()


@pytest.mark.parametrize("is_delegated", [False, True])
def test_a_permission_that_the_token_lacks_is_named(is_delegated: bool) -> None:
    of_one = frozenset(SIGN_IN_ACTIVITY.permissions[:1])
    found = concluded(SIGN_IN_ACTIVITY, DENIED, of_one, is_delegated=is_delegated)
    assert found == Missing(permission=SIGN_IN_ACTIVITY.permissions[1])


def test_a_missing_permission_comes_before_a_missing_plan() -> None:
    found = concluded(RISKY_USERS, DENIED, frozenset(), frozenset())
    assert found == Missing(permission="IdentityRiskyUser.Read.All")


@pytest.mark.parametrize("refusal", [DENIED, BAD_REQUEST])
def test_a_refusal_where_the_tenant_has_none_of_the_plans_is_a_missing_licence(
    refusal: Refusal,
) -> None:
    assert concluded(RISKY_USERS, refusal, plans=frozenset({"EXCHANGE"})) == Missing(plans=PREMIUM)


@pytest.mark.parametrize("code", [NO_LICENCE.code, "AadPremiumLicenseRequired"])
@pytest.mark.parametrize("plans", [None, frozenset(PREMIUM)])
@pytest.mark.parametrize("permissions", [None, frozenset[str](), ALL])
def test_graphs_own_word_for_a_missing_licence_decides(
    code: str, plans: frozenset[str] | None, permissions: frozenset[str] | None
) -> None:
    found = concluded(RISKY_USERS, replace(NO_LICENCE, code=code), permissions, plans)
    assert found == Missing(plans=PREMIUM)


def test_a_refusal_for_want_of_a_premium_plan_is_one_whatever_the_data_set_says() -> None:
    lacking = Missing(plans=("AAD_PREMIUM",))
    assert concluded(DOMAINS, NO_LICENCE, plans=frozenset()) == lacking
    assert concluded(DOMAINS, DENIED, plans=frozenset()) == Missing(roles=DOMAINS.roles)


def test_a_refusal_that_denies_nothing_is_a_failure() -> None:
    assert concluded(DOMAINS, BAD_REQUEST) == Missing()
    assert concluded(DOMAINS, BAD_REQUEST, frozenset()) == Missing()
    assert concluded(RISKY_USERS, BAD_REQUEST, plans=frozenset(PREMIUM)) == Missing()
    assert concluded(RISKY_USERS, BAD_REQUEST, plans=None) == Missing()


@pytest.mark.parametrize("plans", [None, frozenset(PREMIUM)])
def test_with_all_permissions_a_service_account_lacks_a_role(plans: frozenset[str] | None) -> None:
    assert concluded(RISKY_USERS, DENIED, plans=plans) == Missing(roles=RISKY_USERS.roles)


def test_the_app_itself_needs_no_role_to_read() -> None:
    found = concluded(RISKY_USERS, DENIED, plans=frozenset(PREMIUM), is_delegated=False)
    assert found == Missing(permission="IdentityRiskyUser.Read.All")


@pytest.mark.parametrize("is_delegated", [False, True])
def test_without_a_token_the_permission_is_named(is_delegated: bool) -> None:
    found = concluded(SIGN_IN_ACTIVITY, DENIED, None, is_delegated=is_delegated)
    assert found == Missing(permission=SIGN_IN_ACTIVITY.permissions[0])


def test_unknown_plans_are_not_missing_plans() -> None:
    assert not lacks_plan(RISKY_USERS, Access())
    assert not lacks_plan(DOMAINS, Access(plans=frozenset()))
    assert not lacks_plan(RISKY_USERS, Access(plans=frozenset({"AAD_PREMIUM_P2", "MTP"})))
    assert lacks_plan(RISKY_USERS, Access(plans=frozenset({"MTP"})))


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        (Missing(plans=("A", "B")), "the tenant has no licence with A or B"),
        (Missing(permission="User.Read.All"), "the app lacks the permission User.Read.All"),
        (
            Missing(roles=("Security Reader", "Global Reader")),
            "give the service account's security group the role Security Reader or Global Reader",
        ),
    ],
)
def test_a_person_is_told_what_is_missing(lack: Missing, said: str) -> None:
    assert text(lack) == said
