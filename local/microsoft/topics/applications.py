"""App registrations with their credentials, service principals, and access reviews."""

from datetime import timedelta

from local.microsoft.filters import Document
from local.microsoft.plans import GOVERNANCE
from local.microsoft.resources import Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import DIRECTORY, SECURITY, identity, stamp

_READ = Access(
    words("Application.Read.All|Application.ReadWrite.All|Directory.Read.All"),
    DIRECTORY | words("Application Administrator|Cloud Application Administrator"),
)
_THIRD_PARTY_STORAGE = "c1f33bc0-bdb4-4248-ba9b-096807ddb43e"
# (name, days until the secret and the certificate end; None for no such credential)
_APPS = (
    ("Payroll connector", 30, None),
    ("Ticket system", None, 300),
    ("Old scanner", -40, None),
    ("Website", 500, 20),
)


def applications(tenant: Tenant) -> list[Document]:
    """Return the app registrations; a hardened tenant has no secrets."""
    return [_application(tenant, *app) for app in _APPS]


def _application(
    tenant: Tenant, name: str, secret_days: int | None, key_days: int | None
) -> Document:
    if tenant.profile == "hardened":
        secret_days, key_days = None, key_days or 200
    secret = {"hint": "abc", "secretText": None, "customKeyIdentifier": None}
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": None}
    return {
        "id": identity(tenant, f"app/{name}"),
        "appId": identity(tenant, f"client/{name}"),
        "displayName": name,
        "createdDateTime": "2024-01-01T00:00:00Z",
        "signInAudience": "AzureADMyOrg",
        "passwordCredentials": _credential(tenant, f"{name}/secret", secret_days, secret),
        "keyCredentials": _credential(tenant, f"{name}/key", key_days, key),
    }


def _credential(tenant: Tenant, name: str, days: int | None, more: Document) -> list[Document]:
    if days is None:
        return []
    end = tenant.began + timedelta(days=days)
    return [
        {
            "keyId": identity(tenant, name),
            "displayName": "Credential",
            "startDateTime": stamp(end - timedelta(days=730)),
            "endDateTime": stamp(end),
            **more,
        }
    ]


def service_principals(tenant: Tenant) -> list[Document]:
    """Return the service principals of Microsoft's third-party storage and of its own apps."""
    own = [
        _principal(tenant, app["displayName"], app["appId"], is_on=True)
        for app in applications(tenant)
    ]
    is_on = not tenant.is_hardened
    name = "Microsoft 365 on the web third-party storage"
    return [_principal(tenant, name, _THIRD_PARTY_STORAGE, is_on=is_on), *own]


def _principal(tenant: Tenant, name: str, app_id: str, *, is_on: bool) -> Document:
    return {
        "id": identity(tenant, f"principal/{app_id}"),
        "appId": app_id,
        "displayName": name,
        "accountEnabled": is_on,
        "servicePrincipalType": "Application",
        "tags": [],
    }


def access_reviews(tenant: Tenant) -> list[Document]:
    """Return the recurring reviews, which only a hardened tenant has."""
    query = "/roleManagement/directory/roleDefinitions"
    review = {
        "id": identity(tenant, "review/administrators"),
        "displayName": "Review of administrators",
        "status": "InProgress",
        "createdDateTime": "2025-01-01T00:00:00Z",
        "descriptionForAdmins": "Who still needs a role",
        "scope": {
            "@odata.type": "#microsoft.graph.principalResourceMembershipsScope",
            "principalScopes": [
                {"@odata.type": "#microsoft.graph.accessReviewQueryScope", "query": "/users"}
            ],
            "resourceScopes": [
                {"@odata.type": "#microsoft.graph.accessReviewQueryScope", "query": query}
            ],
        },
        "reviewers": [{"query": "./manager", "queryType": "MicrosoftGraph"}],
        "settings": {
            "instanceDurationInDays": 14,
            "autoApplyDecisionsEnabled": True,
            "defaultDecision": "Deny",
            "recurrence": {"pattern": {"type": "absoluteMonthly", "interval": 3}},
        },
    }
    return tenant.by_profile([review], [], [])


RESOURCES = (
    Resource("applications", "microsoft.graph.application", _READ, applications),
    Resource(
        "servicePrincipals",
        "microsoft.graph.servicePrincipal",
        _READ,
        service_principals,
        writes={
            "PATCH": Access(
                words("Application.ReadWrite.All"),
                words("Application Administrator|Cloud Application Administrator"),
            )
        },
        read_only=words("id|appId|displayName|servicePrincipalType"),
    ),
    Resource(
        "identityGovernance/accessReviews/definitions",
        "microsoft.graph.accessReviewScheduleDefinition",
        Access(words("AccessReview.Read.All|AccessReview.ReadWrite.All"), SECURITY),
        access_reviews,
        plan=GOVERNANCE,
    ),
)
