"""The licences of a tenant: its subscribed SKUs and its subscriptions."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from local.microsoft.filters import Document
from local.microsoft.products import PLANS, SKUS, plans_of
from local.microsoft.resources import Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import DIRECTORY, identity, stamp

_READ = Access(
    words("LicenseAssignment.Read.All"),
    words("Global Reader|User Administrator|License Administrator|Directory Readers"),
)
_UNITS = {"suspended": 0, "warning": 0, "lockedOut": 0}


def subscribed_skus(tenant: Tenant) -> list[dict[str, Any]]:
    """Return a tenant's subscribed SKUs."""
    random = Random(tenant.number)
    units = {part: (random.randint(0, 40), random.randint(40, 60)) for _, part in SKUS}
    known = [_sku(tenant, units.get(part, (0, 25)), sku, part) for sku, part in tenant.skus()]
    return [_changed(tenant, sku) for sku in known]


def _sku(tenant: Tenant, units: tuple[int, int], sku: str, part: str) -> dict[str, Any]:
    consumed, enabled = units
    return {
        "id": f"{UUID(int=tenant.number)}_{sku}",
        "skuId": sku,
        "skuPartNumber": part,
        "accountName": "sample",
        "accountId": tenant.tenant_id,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": consumed,
        "prepaidUnits": {"enabled": enabled, **_UNITS},
        "servicePlans": _plans(tenant, part),
        "subscriptionIds": [identity(tenant, f"subscription/{part}")],
    }


def _plans(tenant: Tenant, part: str) -> list[Document]:
    names = set(plans_of(part, tenant.service_plans))
    if part == tenant.skus()[0][1]:
        names |= _of_no_sku(tenant)
    return [
        {
            "servicePlanId": PLANS[name][0],
            "servicePlanName": name,
            "provisioningStatus": "Success",
            "appliesTo": "User",
        }
        for name in sorted(names)
    ]


def _of_no_sku(tenant: Tenant) -> set[str]:
    """Return the plans that a test gave the tenant and none of its SKUs has."""
    there = {name for _, part in tenant.skus() for name in plans_of(part, None)}
    return set((tenant.service_plans or frozenset()) & PLANS.keys()) - there


def _changed(tenant: Tenant, sku: dict[str, Any]) -> dict[str, Any]:
    """Return a SKU as tests changed it: numbers of units, seats in use, its status."""
    change = tenant.licences.get(sku["skuPartNumber"]) or {}
    units = {**sku["prepaidUnits"]}
    units |= {name: count for name, count in change.items() if name in units}
    rest = {name: value for name, value in change.items() if name in sku}
    return {**sku, **rest, "prepaidUnits": units}


def subscriptions(tenant: Tenant) -> list[Document]:
    """Return the subscriptions behind the SKUs; free ones have no end."""
    return [
        {
            "id": identity(tenant, f"subscription/{sku['skuPartNumber']}"),
            "commerceSubscriptionId": identity(tenant, f"commerce/{sku['skuPartNumber']}"),
            "createdDateTime": "2024-01-01T00:00:00Z",
            "isTrial": False,
            "nextLifecycleDateTime": stamp(tenant.began + timedelta(days=days)),
            "ownerId": None,
            "ownerTenantId": None,
            "ownerType": None,
            "skuId": sku["skuId"],
            "skuPartNumber": sku["skuPartNumber"],
            "status": sku["capabilityStatus"],
            "totalLicenses": sku["prepaidUnits"]["enabled"],
            "serviceStatus": sku["servicePlans"],
        }
        for days, sku in zip(_days_left(), subscribed_skus(tenant), strict=False)
        if sku["skuPartNumber"] != "FLOW_FREE"
    ]


def _days_left() -> Iterator[int]:
    """Yield the days that are left of each subscription: some end soon."""
    yield from (10, 30, 31)
    while True:
        yield 300


RESOURCES = (
    Resource(
        "subscribedSkus",
        "microsoft.graph.subscribedSku",
        _READ,
        subscribed_skus,
        options=frozenset(),
    ),
    Resource(
        "directory/subscriptions",
        "microsoft.graph.companySubscription",
        Access(
            words("Organization.Read.All|Directory.Read.All|Organization.ReadWrite.All"),
            DIRECTORY | words("License Administrator"),
        ),
        subscriptions,
        options=words("$filter|$select|$skiptoken"),
    ),
)
