"""Figures from the small data sets for a tenant's roll-up."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.data_sets.identity import LICENCES
from core.data_sets.policies import CONDITIONAL_ACCESS
from core.data_sets.security import SECURE_SCORE
from domain.data_set import DataSet, Document, Documents
from domain.sync_state import RollUp

# Part numbers of free and trial products, and words that occur in those of others.
# https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
_FREE = {
    "DYN365_AI_SERVICE_INSIGHTS",
    "DYN365_REGULATORY_SERVICE",
    "FORMS_PRO",
    "MICROSOFT_BUSINESS_CENTER",
    "POWERAPPS_DEV",
    "POWERAPPS_INDIVIDUAL_USER",
    "POWER_BI_INDIVIDUAL_USER",
    "POWER_BI_STANDARD",
    "POWER_BI_STANDARD_FACULTY",
    "POWER_BI_STANDARD_STUDENT",
    "SMB_APPS",
    "STREAM",
    "WINDOWS_STORE",
}
_FREE_WORDS = {"FREE", "TRIAL", "VTRIAL", "VIRAL", "EXPLORATORY", "ADHOC", "IW"}
_BETWEEN_WORDS = re.compile("[^A-Z0-9]+")
_UNLIMITED = 1_000_000
# https://learn.microsoft.com/graph/api/resources/subscribedsku
_USABLE = {"Enabled", "Warning", None}


def summed_up(before: RollUp, data_set: DataSet, found: Documents) -> RollUp:
    """Return the roll-up with the figures of a data set that was read completely.

    If there is no score, the last one is kept: Graph deletes scores before this service does.
    """
    if data_set.name == LICENCES.name:
        return _with_licences(before, list(found.values()))
    if data_set.name == CONDITIONAL_ACCESS.name:
        return _with_policies(before, list(found.values()))
    if data_set.name == SECURE_SCORE.name and found:
        # The keys are in descending order of time, so the newest score has the lowest key.
        return _with_score(before, found[min(found)])
    return before


def _with_licences(before: RollUp, licences: Sequence[Document]) -> RollUp:
    counted = [licence for licence in licences if _is_counted(licence)]
    return replace(
        before,
        licences_bought=sum(map(_bought, counted)),
        licences_assigned=sum(licence.get("consumedUnits") or 0 for licence in counted),
    )


def _with_policies(before: RollUp, policies: Sequence[Document]) -> RollUp:
    """https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy#properties ."""
    states = Counter(policy.get("state") for policy in policies)
    return replace(
        before,
        policies_enabled=states["enabled"],
        policies_disabled=states["disabled"],
        policies_report_only=states["enabledForReportingButNotEnforced"],
    )


def _with_score(before: RollUp, newest: Document) -> RollUp:
    score, maximum = newest.get("currentScore"), newest.get("maxScore")
    return replace(before, secure_score=score, secure_score_max=maximum)


def _is_counted(licence: Document) -> bool:
    """Return whether the seats of a licence are bought and usable.

    Free and trial products have ten thousand or a million seats, regardless of their use.
    """
    product = str(licence.get("skuPartNumber") or "").upper()
    words = _BETWEEN_WORDS.split(product)
    is_free = product in _FREE or not _FREE_WORDS.isdisjoint(words)
    is_unlimited = _bought(licence) >= _UNLIMITED
    usable = licence.get("capabilityStatus") in _USABLE
    return usable and not is_free and not is_unlimited


def _bought(licence: Document) -> int:
    """Return the number of assignable units: paid for, or in the grace period afterwards."""
    units = licence.get("prepaidUnits") or {}
    return (units.get("enabled") or 0) + (units.get("warning") or 0)
