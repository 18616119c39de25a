"""What is in a tenant: generated from its number, the same every time, made as it is read."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

# (SKU ID, part number) as Microsoft publishes them.
_SKUS = (
    ("05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3"),
    ("06ebc4ee-1bb5-47dd-8120-11324bc54e06", "SPE_E5"),
    ("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "SPB"),
    ("f245ecc8-75af-4f8e-b61f-27d8114de5f3", "O365_BUSINESS_PREMIUM"),
    ("f30db892-07e9-47e9-837c-80727f46fd3d", "FLOW_FREE"),
)
_FIRST = (
    "Adele", "Björn", "Chloé", "Đorđe", "Ελένη", "Фёдор", "गीता", "Henrietta", "İpek", "José",
    "Kōji", "李娜", "Mahmoud", "نور", "Ödön", "Paweł", "Quentin", "Ruth", "Søren", "Þóra",
)  # fmt: skip
_LAST = (
    "Vance", "Åberg", "Müller", "O'Neil", "Παπαδόπουλος", "Иванов", "शर्मा", "van der Berg",
    "Yılmaz", "García", "佐藤", "王", "الخطيب", "Nowak", "Smith-Jones", "Wilber",
)  # fmt: skip
_DEPARTMENTS = ("Service desk", "Projects", "Sales", "Finance", None)
_POLICY_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")


def user(number: int, index: int, domain: str, version: int = 0) -> dict[str, Any]:
    """Return a user of a tenant.

    Args:
        number: The tenant's.
        index: The user's; index 0 is an enabled member.
        version: How often the user was changed.
    """
    random = Random(number * 1_000_003 + index)
    first, last = random.choice(_FIRST), random.choice(_LAST)
    guest = index > 0 and random.random() < 0.1
    name = f"user{index}.{number}"
    address = f"{name}@{domain}"
    licences = random.sample(_SKUS, k=random.choice((0, 1, 1, 2)))
    return {
        "id": str(UUID(int=random.getrandbits(128), version=4)),
        "displayName": f"{first} {last}" + (f" ({version})" if version else ""),
        "userPrincipalName": f"{name}_example.org#EXT#@{domain}" if guest else address,
        "mail": None if guest or random.random() < 0.1 else address,
        "accountEnabled": index == 0 or random.random() > 0.08,
        "userType": "Guest" if guest else "Member",
        "createdDateTime": _time(datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=index)),
        "assignedLicenses": [{"disabledPlans": [], "skuId": sku} for sku, _ in licences],
        "jobTitle": random.choice(("Engineer", "Technician", "Account manager", None)),
        "department": random.choice(_DEPARTMENTS),
        "usageLocation": random.choice(("AU", "NZ", None)),
        "onPremisesSyncEnabled": random.choice((True, None, None)),
        "givenName": first,
        "surname": last,
        "preferredLanguage": "en-AU",
    }


def skus(number: int) -> list[dict[str, Any]]:
    """Return a tenant's subscribed SKUs."""
    random = Random(number)
    return [
        {
            "id": f"{UUID(int=number)}_{sku}",
            "skuId": sku,
            "skuPartNumber": part,
            "accountName": "sample",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "consumedUnits": random.randint(0, 40),
            "prepaidUnits": {
                "enabled": random.randint(40, 60),
                "suspended": 0,
                "warning": 0,
                "lockedOut": 0,
            },
            "servicePlans": [],
            "subscriptionIds": [],
        }
        for sku, part in _SKUS
    ]


def secure_scores(number: int, tenant_id: str, today: datetime) -> list[dict[str, Any]]:
    """Return a tenant's secure scores of 90 days, newest first."""
    random = Random(number)
    scores = []
    for age in range(90):
        day = (today - timedelta(days=age)).replace(hour=0, minute=0, second=0, microsecond=0)
        scores.append(
            {
                "id": f"{tenant_id}_{day.date().isoformat()}",
                "azureTenantId": tenant_id,
                "activeUserCount": 10 + number % 7,
                "createdDateTime": _time(day),
                "currentScore": round(200 + random.random() * 40, 2),
                "enabledServices": ["HasExchange", "HasSharePoint"],
                "licensedUserCount": 20,
                "maxScore": 304.0,
                "vendorInformation": {"provider": "SecureScore", "vendor": "Microsoft"},
                "averageComparativeScores": [{"basis": "AllTenants", "averageScore": 120.5}],
                "controlScores": [],
            }
        )
    return scores


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
            "state": _POLICY_STATES[(number + index) % 3],
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


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
