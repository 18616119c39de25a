"""The figures of a small data set, for the tenant's roll-up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from domain.ports import Document, SyncedRecord
from domain.sync_state import DataSet, RollUp


def summed_up(before: RollUp, name: DataSet, records: Sequence[SyncedRecord]) -> RollUp:
    """Return the roll-up with what a whole reading of a small data set gives.

    https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy#properties
    """
    documents = [record.document for record in records]
    match name:
        case DataSet.LICENCES:
            return replace(
                before,
                licences_bought=sum(map(_bought, documents)),
                licences_assigned=sum(item.get("consumedUnits") or 0 for item in documents),
            )
        case DataSet.CONDITIONAL_ACCESS:
            states = Counter(item.get("state") for item in documents)
            return replace(
                before,
                policies_enabled=states["enabled"],
                policies_disabled=states["disabled"],
                policies_report_only=states["enabledForReportingButNotEnforced"],
            )
        case DataSet.SECURE_SCORE if records:
            newest = min(records, key=lambda record: record.key).document
            return replace(
                before,
                secure_score=newest.get("currentScore"),
                secure_score_max=newest.get("maxScore"),
            )
        case _:
            return before  # Graph forgets a score before we do.


def _bought(licence: Document) -> int:
    """Return the units that can be assigned: paid for, or in the grace period after."""
    units = licence.get("prepaidUnits") or {}
    return (units.get("enabled") or 0) + (units.get("warning") or 0)
