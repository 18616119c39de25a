"""Audit events, sign-ins, and which methods people have registered."""

from datetime import timedelta

from local.microsoft.filters import Document
from local.microsoft.plans import REPORTS
from local.microsoft.resources import Access, Refusal, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics import readers
from local.microsoft.topics.readers import identity, stamp
from local.microsoft.topics.role_holders import HELD, holders

_READ = Access(words("AuditLog.Read.All"), readers.REPORTS)
_DENIED = Refusal(
    403,
    "Authentication_MSGraphPermissionMissing",
    "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
)
_ACTIVITIES = (
    ("Update user", "UserManagement", "User"),
    ("Add member to role", "RoleManagement", "User"),
    ("Update conditional access policy", "Policy", "Policy"),
    ("Reset user password", "UserManagement", "User"),
    ("Consent to application", "ApplicationManagement", "ServicePrincipal"),
)
_METHODS = ("microsoftAuthenticatorPush", "softwareOneTimePasscode", "mobilePhone")


def directory_audits(tenant: Tenant) -> list[Document]:
    """Return an event for every 6 hours of the last 7 days."""
    return [_event(tenant, number) for number in range(28)]


def _event(tenant: Tenant, number: int) -> Document:
    activity, category, kind = _ACTIVITIES[number % len(_ACTIVITIES)]
    return {
        "id": f"Directory_{identity(tenant, f'audit/{number}')}_{number}",
        "category": category,
        "correlationId": identity(tenant, f"correlation/{number}"),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": stamp(tenant.began - timedelta(hours=6 * number, minutes=number)),
        "loggedByService": "Core Directory",
        "operationType": "Update",
        "initiatedBy": {"app": None, "user": _actor(_somebody(tenant, 0))},
        "targetResources": [_target(_somebody(tenant, number), kind)],
        "additionalDetails": [],
    }


def _somebody(tenant: Tenant, number: int) -> Document:
    indices = tenant.directory.indices()
    return tenant.directory.user(indices[number % len(indices)]) if indices else {}


def _actor(user: Document) -> Document:
    known = {name: user.get(name) for name in ("id", "userPrincipalName")}
    return {**known, "displayName": None, "ipAddress": "203.0.113.7"}


def _target(user: Document, kind: str) -> Document:
    change = {"displayName": "AccountEnabled", "oldValue": "[true]", "newValue": "[false]"}
    known = {name: user.get(name) for name in ("id", "displayName", "userPrincipalName")}
    return {**known, "type": kind, "groupType": None, "modifiedProperties": [change]}


def sign_ins(tenant: Tenant) -> list[Document]:
    """Return a sign-in of each of the first 12 users, one an hour."""
    indices = tenant.directory.indices()[:12]
    return [_sign_in(tenant, hours, index) for hours, index in enumerate(indices, start=1)]


def _sign_in(tenant: Tenant, hours: int, index: int) -> Document:
    user = tenant.directory.user(index)
    return {
        "id": identity(tenant, f"sign-in/{index}"),
        "createdDateTime": stamp(tenant.began - timedelta(hours=hours)),
        "userId": user["id"],
        "userDisplayName": user["displayName"],
        "userPrincipalName": user["userPrincipalName"].lower(),
        "appId": "4765445b-32c6-49b0-83e6-1d93765276ca",
        "appDisplayName": "OfficeHome",
        "ipAddress": "203.0.113.7",
        "clientAppUsed": "Browser",
        "correlationId": identity(tenant, f"sign-in correlation/{index}"),
        "conditionalAccessStatus": "success",
        "isInteractive": True,
        "riskDetail": "none",
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes_v2": [],
        "resourceDisplayName": "OfficeHome",
        "status": {"errorCode": 0, "failureReason": "Other.", "additionalDetails": None},
    }


def registration_details(tenant: Tenant) -> list[Document]:
    """Return what enabled users have registered; disabled ones are not in the report."""
    administrators = {who for _, who in holders(tenant, HELD)}
    users = (tenant.directory.user(i, listed=True) for i in tenant.directory.indices())
    return [_details(tenant, user, administrators) for user in users if user["accountEnabled"]]


def _details(tenant: Tenant, user: Document, administrators: set[str]) -> Document:
    random = tenant.random(f"registration/{user['id']}")
    is_admin = user["id"] in administrators
    share = tenant.by_profile(1.0, 1.0 if is_admin else 0.8, 0.4)
    methods = list(_METHODS[: random.randint(1, 3)]) if random.random() < share else []
    has = bool(methods)
    return {
        "id": user["id"],
        "userPrincipalName": user["userPrincipalName"],
        "userDisplayName": user["displayName"],
        "userType": str(user["userType"]).lower(),
        "isAdmin": is_admin,
        "isSsprRegistered": has,
        "isSsprEnabled": True,
        "isSsprCapable": has,
        "isMfaRegistered": has,
        "isMfaCapable": has,
        "isPasswordlessCapable": False,
        "methodsRegistered": methods,
        "isSystemPreferredAuthenticationMethodEnabled": True,
        "systemPreferredAuthenticationMethods": ["Push"] if has else [],
        "userPreferredMethodForSecondaryAuthentication": "push" if has else "none",
        "lastUpdatedDateTime": stamp(tenant.began - timedelta(hours=9)),
    }


RESOURCES = (
    Resource(
        "auditLogs/directoryAudits",
        "microsoft.graph.directoryAudit",
        _READ,
        directory_audits,
        order="activityDateTime",
        page=1000,
        largest_page=1000,
        denied=_DENIED,
    ),
    Resource(
        "auditLogs/signIns",
        "microsoft.graph.signIn",
        _READ,
        sign_ins,
        plan=REPORTS,
        order="createdDateTime",
        page=1000,
        largest_page=1000,
        denied=_DENIED,
    ),
    Resource(
        "reports/authenticationMethods/userRegistrationDetails",
        "microsoft.graph.userRegistrationDetails",
        _READ,
        registration_details,
        plan=REPORTS,
        is_kept=True,
        page=1000,
        largest_page=1000,
        options=words("$filter|$orderby|$top|$select|$skiptoken"),
        denied=_DENIED,
    ),
)
