"""When each data set is due. A sync reads those that are due; the schedule has the earliest."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.data_set import Cadence, DataSet
from domain.sync_state import CONFIRMED_AFTER, Access, DataSetState, ReadState, SyncState

# A failed read of something that is read less often is tried again after this time.
_TRIED_AGAIN_AFTER = timedelta(hours=1)
# What is not authorised or not licensed is tried daily: nobody says when that changes.
_REFUSED = {ReadState.NOT_AUTHORISED, ReadState.NOT_LICENSED}
# The schedule drops fractions of a second, and a read that is too early confirms nothing.
_SECOND = timedelta(seconds=1)


def due_data_sets(
    state: SyncState, data_sets: Iterable[DataSet], now: datetime, regular: timedelta
) -> list[DataSet]:
    """Return the data sets to read now.

    Args:
        regular: The time between two reads of a data set of the regular cadence.
    """
    return [one for one in data_sets if _due_at(state, one, regular) <= now]


def next_due(state: SyncState, data_sets: Iterable[DataSet], regular: timedelta) -> datetime:
    """Return when the first of some data sets is due; it may have passed."""
    return min(_due_at(state, one, regular) for one in data_sets)


def is_gained(state: SyncState, data_set: DataSet, before: Access, now: Access) -> bool:
    """Return whether the tenant now has what a data set lacked.

    Args:
        before: What the app had at the tenant before this sync.
        now: What it has now.
    """
    entry = state.data_set(data_set.name)
    if entry.state is ReadState.NOT_LICENSED:
        return bool(_new(before.plans, now.plans) & set(entry.missing_plans))
    if entry.state is ReadState.NOT_AUTHORISED:
        return entry.missing_permission in _new(before.permissions, now.permissions)
    return False


def _new(before: frozenset[str] | None, now: frozenset[str] | None) -> frozenset[str]:
    return (now or frozenset()) - (before or frozenset())


def _due_at(state: SyncState, data_set: DataSet, regular: timedelta) -> datetime:
    entry = state.data_set(data_set.name)
    if entry.tried_at is None:
        return state.requested_at
    if state.wanted_at and entry.tried_at < state.wanted_at and _is_reread(data_set, entry):
        return state.wanted_at
    if entry.state is ReadState.SUSPICIOUS and entry.suspected_at:
        return (entry.suspected_at + CONFIRMED_AFTER + _SECOND).replace(microsecond=0)
    return entry.tried_at + _pause(data_set, entry, regular)


def _is_reread(data_set: DataSet, entry: DataSetState) -> bool:
    """Return whether a sync on demand reads it: all but what only a day's end changes."""
    return data_set.cadence is not Cadence.DAILY or entry.state is not ReadState.SUCCEEDED


def _pause(data_set: DataSet, entry: DataSetState, regular: timedelta) -> timedelta:
    cadence = regular if data_set.cadence is Cadence.REGULAR else data_set.cadence.value
    if entry.state in _REFUSED:
        return Cadence.DAILY.value
    if entry.state is ReadState.FAILED:
        return min(cadence, _TRIED_AGAIN_AFTER)
    return cadence
