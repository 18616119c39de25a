"""What a refused read means: a permission, a role or a licence is missing.

Graph answers all three with the same status, so the reason is concluded from the token's
permissions and the tenant's service plans.
"""

from dataclasses import dataclass

from domain.data_set import DataSet
from domain.ports.graph_reader import CONSENT_REQUIRED, Unreadable
from domain.sync_state import Access

# https://learn.microsoft.com/graph/resolve-auth-errors
_PREMIUM = ("AAD_PREMIUM",)
_UNLICENSED = {
    "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
    "AadPremiumLicenseRequired",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing to read a data set; nothing, if the read failed for another reason."""

    permission: str | None = None
    roles: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()


def missing(
    data_set: DataSet, failure: Unreadable, access: Access, *, is_delegated: bool
) -> Missing:
    """Return what is missing, as far as the refusal and what is known of the tenant tell."""
    refusal = failure.refusal
    if refusal is None:
        return Missing()
    permission = _missing_permission(data_set, access) if refusal.is_denied else None
    if refusal.code in _UNLICENSED or (not permission and lacks_plan(data_set, access)):
        return Missing(plans=data_set.plans or _PREMIUM)
    if permission or not refusal.is_denied:
        return Missing(permission=permission)
    has_token = access.permissions is not None and refusal.code != CONSENT_REQUIRED
    if is_delegated and has_token:
        return Missing(roles=data_set.roles)
    return Missing(permission=data_set.permissions[0])


def lacks_plan(data_set: DataSet, access: Access) -> bool:
    """Return whether the tenant is known to have no service plan with which the data exists."""
    if not data_set.plans or access.plans is None:
        return False
    return access.plans.isdisjoint(data_set.plans)


def _missing_permission(data_set: DataSet, access: Access) -> str | None:
    if access.permissions is None:
        return None
    return next((name for name in data_set.permissions if name not in access.permissions), None)


def text(lack: Missing) -> str:
    """Return a text for people: what is missing, and who gives it."""
    if lack.plans:
        return f"the tenant has no licence with {_any_of(lack.plans)}"
    if lack.permission:
        return f"the app lacks the permission {lack.permission}"
    return f"give the service account's security group the role {_any_of(lack.roles)}"


def _any_of(names: tuple[str, ...]) -> str:
    return " or ".join(names)
