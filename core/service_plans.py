"""The service plans that a tenant has.

https://learn.microsoft.com/graph/api/resources/serviceplaninfo
"""

from collections.abc import Collection, Iterable

from domain.data_set import DataSet, Document

_USABLE_LICENCES = {"Enabled", "Warning", None}
_USABLE_PLANS = {"Success", "PendingInput", "PendingActivation", "PendingProvisioning"}


def active_plans(licences: Iterable[Document]) -> frozenset[str]:
    """Return the names of the plans in usable licences, such as `AAD_PREMIUM`.

    A plan that is disabled in one licence may be active in another.
    """
    return frozenset(
        plan["servicePlanName"]
        for licence in licences
        if licence.get("capabilityStatus") in _USABLE_LICENCES
        for plan in licence.get("servicePlans") or ()
        if plan.get("provisioningStatus") in _USABLE_PLANS
    )


def plans_of(data_sets: Collection[DataSet]) -> frozenset[str]:
    """Return the names of the plans that some data sets need."""
    return frozenset(plan for one in data_sets for plan in one.plans)
