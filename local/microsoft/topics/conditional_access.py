"""The Conditional Access policies of a tenant: generated from its number, always the same."""

from random import Random
from typing import Any
from uuid import UUID

from local.microsoft.resources import Access, Resource, words

_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")


def policies(number: int) -> list[dict[str, Any]]:
    """Return a tenant's Conditional Access policies."""
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


READ = Access(
    words("Policy.Read.All"),
    words("Global Reader|Security Reader|Security Administrator|Conditional Access Administrator"),
)
RESOURCES = (
    Resource(
        "identity/conditionalAccess/policies",
        "microsoft.graph.conditionalAccessPolicy",
        READ,
        lambda tenant: policies(tenant.number),
    ),
)
