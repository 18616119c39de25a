"""Conditional Access: policies and named locations.

https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
"""

from random import Random
from typing import Any
from uuid import UUID

from local.microsoft.filters import Document
from local.microsoft.resources import Access, Resource, words
from local.microsoft.roles import IDS
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import SCOPES_MISSING, SECURITY, identity

_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")
_ADMINISTRATORS = words("Conditional Access Administrator|Security Administrator")
_READ = Access(words("Policy.Read.All"), SECURITY | _ADMINISTRATORS)
_WRITE = Access(
    words("Policy.ReadWrite.ConditionalAccess"), _ADMINISTRATORS, also=words("Policy.Read.All")
)
_WRITES = {"POST": _WRITE, "PATCH": _WRITE, "DELETE": _WRITE}


def policies(number: int) -> list[dict[str, Any]]:
    """Return the Conditional Access policies of a typical tenant."""
    random = Random(number)
    names = ("Require MFA for admins", "Block legacy authentication", "Require MFA for guests")
    return [
        {
            "id": str(UUID(int=random.getrandbits(128), version=4)),
            "templateId": None,
            "displayName": name,
            "createdDateTime": "2024-03-01T02:03:04.5678901Z",
            "modifiedDateTime": None,
            "state": _STATES[(number + index) % 3],
            "sessionControls": None,
            "conditions": {
                "clientAppTypes": ["all"],
                "signInRiskLevels": [],
                "applications": {"includeApplications": ["All"], "excludeApplications": []},
                "users": {"includeUsers": ["All"], "excludeUsers": [], "includeRoles": []},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        }
        for index, name in enumerate(names)
    ]


def _policy(
    tenant: Tenant,
    name: str,
    controls: list[str],
    people: dict[str, Any],
    *,
    clients: tuple[str, ...] = ("all",),
    risks: dict[str, list[str]] | None = None,
    session: dict[str, Any] | None = None,
) -> Document:
    excluded = [identity(tenant, "group/Break-glass accounts")]
    nobody: dict[str, list[str]] = {
        name: []
        for name in (
            *("includeUsers", "excludeUsers", "includeGroups", "includeRoles", "excludeRoles"),
        )
    }
    return {
        "id": identity(tenant, f"policy/{name}"),
        "templateId": None,
        "displayName": name,
        "createdDateTime": "2024-03-01T02:03:04.5678901Z",
        "modifiedDateTime": "2025-06-01T02:03:04Z",
        "state": "enabled",
        "sessionControls": session,
        "conditions": {
            "clientAppTypes": list(clients),
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "applications": {"includeApplications": ["All"], "excludeApplications": []},
            "users": {**nobody, "excludeGroups": excluded, **people},
            **(risks or {}),
        },
        "grantControls": {"operator": "OR", "builtInControls": controls} if controls else None,
    }


def _hardened(tenant: Tenant) -> list[Document]:
    everybody = {"includeUsers": ["All"]}
    administrators = {"includeRoles": [IDS["Global Administrator"], IDS["User Administrator"]]}
    daily = {"value": 4, "type": "hours", "isEnabled": True, "frequencyInterval": "timeBased"}
    daily["authenticationType"] = "primaryAndSecondaryAuthentication"
    never = {"mode": "never", "isEnabled": True}
    return [
        _policy(
            tenant,
            "Require MFA for admins",
            ["mfa"],
            administrators,
            session={"signInFrequency": daily, "persistentBrowser": never},
        ),
        _policy(tenant, "Require MFA for all users", ["mfa"], everybody),
        _policy(
            tenant,
            "Block legacy authentication",
            ["block"],
            everybody,
            clients=("exchangeActiveSync", "other"),
        ),
        _policy(
            tenant,
            "Require MFA for risky sign-ins",
            ["mfa"],
            everybody,
            risks={"signInRiskLevels": ["high", "medium"]},
        ),
        _policy(
            tenant,
            "Block users at high risk",
            ["block"],
            everybody,
            risks={"userRiskLevels": ["high"]},
        ),
    ]


def current_policies(tenant: Tenant) -> list[Document]:
    """Return the policies of a tenant by its profile; a neglected one has none."""
    if tenant.profile == "hardened":
        return _hardened(tenant)
    return policies(tenant.number) if tenant.profile == "typical" else []


def named_locations(tenant: Tenant) -> list[Document]:
    """Return the office's addresses, and the countries that a hardened tenant blocks."""
    office = {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": identity(tenant, "location/Office"),
        "displayName": "Office",
        "createdDateTime": "2024-03-01T02:03:04Z",
        "modifiedDateTime": "2024-03-01T02:03:04Z",
        "isTrusted": True,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"}
        ],
    }
    countries = {
        "@odata.type": "#microsoft.graph.countryNamedLocation",
        "id": identity(tenant, "location/Where we work"),
        "displayName": "Where we work",
        "createdDateTime": "2024-03-01T02:03:04Z",
        "modifiedDateTime": "2024-03-01T02:03:04Z",
        "countriesAndRegions": ["AU", "NZ"],
        "countryLookupMethod": "clientIpAddress",
        "includeUnknownCountriesAndRegions": False,
    }
    return tenant.by_profile([office, countries], [office], [])


RESOURCES = (
    Resource(
        "identity/conditionalAccess/policies",
        "microsoft.graph.conditionalAccessPolicy",
        _READ,
        current_policies,
        writes=_WRITES,
        read_only=words("id|createdDateTime|modifiedDateTime|templateId"),
        optional=words("displayName|state|conditions|grantControls|sessionControls|description"),
        choices={"state": frozenset(_STATES)},
        denied=SCOPES_MISSING,
    ),
    Resource(
        "identity/conditionalAccess/namedLocations",
        "microsoft.graph.namedLocation",
        _READ,
        named_locations,
        writes=_WRITES,
        read_only=words("id|createdDateTime|modifiedDateTime"),
        optional=words(
            "displayName|isTrusted|ipRanges|countriesAndRegions|countryLookupMethod",
            "includeUnknownCountriesAndRegions",
        ),
        denied=SCOPES_MISSING,
    ),
)
