"""The licences of a tenant: its subscribed SKUs, generated from its number."""

from random import Random
from typing import Any
from uuid import UUID

from local.microsoft.products import SKUS
from local.microsoft.resources import Access, Resource, words


def subscribed_skus(number: int) -> list[dict[str, Any]]:
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
        for sku, part in SKUS
    ]


READ = Access(
    words("LicenseAssignment.Read.All"),
    words("Global Reader|User Administrator|License Administrator|Directory Readers"),
)
RESOURCES = (
    Resource(
        "subscribedSkus",
        "microsoft.graph.subscribedSku",
        READ,
        lambda tenant: subscribed_skus(tenant.number),
        options=frozenset(),
    ),
)
