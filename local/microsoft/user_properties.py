"""The properties of users: which exist, which are returned, and which a request may set.

https://learn.microsoft.com/graph/api/resources/user
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.microsoft import plans
from local.microsoft.answers import Refused
from local.microsoft.callers import Caller
from local.microsoft.filters import Document
from local.microsoft.products import SKUS, plans_of
from local.microsoft.resources import Access, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.organization import assigned_plans
from local.microsoft.topics.readers import REPORTS, stamp

TEXT = words(
    "displayName|givenName|surname|jobTitle|department|companyName|officeLocation|mobilePhone",
    "usageLocation|preferredLanguage|city|country|state|streetAddress|postalCode|employeeId",
    "employeeType|userPrincipalName|mailNickname|userType|faxNumber|onPremisesImmutableId",
    "passwordPolicies|ageGroup|consentProvidedForMinor",
)
LISTS = words("businessPhones|otherMails")
WRITABLE = TEXT | LISTS | {"accountEnabled"}
# Exchange masters some of them, and sign-in names are lower-case, but a value is never null.
REQUIRED = words("displayName|userPrincipalName|mailNickname|accountEnabled")
OF_THE_CLOUD = words("accountEnabled|usageLocation|otherMails|passwordPolicies")
READ_ONLY = words(
    "id|createdDateTime|deletedDateTime|assignedLicenses|assignedPlans|provisionedPlans|mail",
    "onPremisesSyncEnabled|onPremisesLastSyncDateTime|proxyAddresses|imAddresses|signInActivity",
    "lastPasswordChangeDateTime|signInSessionsValidFromDateTime|securityIdentifier|creationType",
)
EVERY = WRITABLE | READ_ONLY | words("manager|licenseAssignmentStates|identities|passwordProfile")
# What a request without $select returns.
_DEFAULT = (
    *("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone"),
    *("officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id"),
)
_ACTIVITY = Access(words("AuditLog.Read.All"), REPORTS)
_PARTS = dict(SKUS)


def check_selection(tenant: Tenant, caller: Caller, query: dict[str, str]) -> None:
    """Refuse properties that do not exist, and sign-in activity without permission or licence."""
    names = set(filter(None, query.get("$select", "").split(",")))
    unknown = names - EVERY
    if unknown:
        text = f"Could not find a property named '{min(unknown)}' on type 'microsoft.graph.user'."
        raise Refused(400, "BadRequest", text)
    if "signInActivity" not in names:
        return
    caller.check(_ACTIVITY)
    if not plans.REPORTS.names & plans.held(tenant):
        refusal = plans.REPORTS.refusal
        raise Refused(refusal.status, refusal.code, refusal.message)


def selected(tenant: Tenant, user: Document, query: dict[str, str]) -> Document:
    """Return the selected properties of a user."""
    names = query.get("$select")
    wanted = names.split(",") if names else _DEFAULT
    return {n: user[n] if n in user else _computed(tenant, user, n) for n in wanted}


def _computed(tenant: Tenant, user: Document, name: str) -> Any:
    return _COMPUTED[name](tenant, user) if name in _COMPUTED else None


def _assigned_plans(tenant: Tenant, user: Document) -> list[Document]:
    """Return the service plans of a user's licences, without those that are disabled."""
    parts = (_PARTS.get(item["skuId"], "") for item in user.get("assignedLicenses", ()))
    names = {name for part in parts for name in plans_of(part, tenant.service_plans)}
    disabled = {p for item in user.get("assignedLicenses", ()) for p in item["disabledPlans"]}
    found = assigned_plans(frozenset(names))
    return [plan for plan in found if plan["servicePlanId"] not in disabled]


def _sign_in_activity(tenant: Tenant, user: Document) -> Document | None:
    """Return when somebody last signed in; null for never."""
    random = tenant.random(f"activity/{user['id']}")
    days = random.choice(tenant.by_profile((0, 1, 3), (0, 1, 3, 40, None), (0, 50, 200, None)))
    if days is None:
        return None
    last = stamp(tenant.began - timedelta(days=days, hours=random.randint(0, 23)))
    return {
        "lastSignInDateTime": last,
        "lastSignInRequestId": None,
        "lastNonInteractiveSignInDateTime": last,
        "lastNonInteractiveSignInRequestId": None,
        "lastSuccessfulSignInDateTime": last,
        "lastSuccessfulSignInRequestId": None,
    }


_COMPUTED: dict[str, Callable[[Tenant, Document], Any]] = {
    "assignedPlans": _assigned_plans,
    "signInActivity": _sign_in_activity,
    "businessPhones": lambda _tenant, _user: [],
    "otherMails": lambda _tenant, _user: [],
    "proxyAddresses": lambda _tenant, _user: [],
}
