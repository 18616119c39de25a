"""The secure scores of a tenant: generated from its number, always the same."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from local.microsoft.resources import Access, Resource, words


def secure_scores(number: int, tenant_id: str, today: datetime) -> list[dict[str, Any]]:
    """Return a tenant's secure scores of 90 days, newest first."""
    random = Random(number)
    scores = []
    for age in range(90):
        day = (today - timedelta(days=age)).date().isoformat()
        scores.append(
            {
                "id": f"{tenant_id}_{day}",
                "azureTenantId": tenant_id,
                "activeUserCount": 10 + number % 7,
                "createdDateTime": f"{day}T00:00:00Z",
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


READ = Access(
    words("SecurityEvents.Read.All|SecurityEvents.ReadWrite.All"),
    words("Global Reader|Security Reader|Security Administrator|Security Operator"),
)
RESOURCES = (
    Resource(
        "security/secureScores",
        "microsoft.graph.secureScore",
        READ,
        lambda tenant: secure_scores(tenant.number, tenant.tenant_id, datetime.now(UTC)),
    ),
)
