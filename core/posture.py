"""A tenant's posture: each data set with its age, or the reason why it is unread.

Rules read a posture and nothing else. Reading a data set that is unread raises, so that a rule
cannot take "no data" for "no policies".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.data_set import DataSet, Document, Documents
from domain.sync_state import DataSetState, ReadState, SyncState

# Older data says nothing about a tenant as it is now.
FRESH_FOR = timedelta(days=7)


class Reason(StrEnum):
    """Why a data set is unread."""

    NOT_READ_YET = "not_read_yet"
    PERMISSION = "permission"
    ROLE = "role"
    LICENCE = "licence"
    ERROR = "error"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Known:
    """A data set that was read.

    Args:
        read_at: When it was last read completely.
    """

    documents: Sequence[Document]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """A data set that is not known.

    Args:
        missing: The permission, the roles or the plans that are missing, any of the latter two.
    """

    reason: Reason
    missing: tuple[str, ...] = ()


class UnreadDataSet(Exception):
    """A rule reads a data set that is unread."""

    def __init__(self, data_set: DataSet, unread: Unread) -> None:
        super().__init__(f"{data_set.name} is unread: {unread.reason}")
        self.data_set, self.unread = data_set, unread


class Posture:
    """The data sets of a tenant."""

    def __init__(self, data_sets: Mapping[str, Known | Unread]) -> None:
        self._data_sets = data_sets

    def look_up(self, data_set: DataSet) -> Known | Unread:
        """Return a data set with its age, or why it is unread."""
        return self._data_sets.get(data_set.name, Unread(Reason.NOT_READ_YET))

    def __getitem__(self, data_set: DataSet) -> Sequence[Document]:
        """Return the documents of a data set.

        Raises:
            UnreadDataSet: It is unread.
        """
        return self._known(data_set).documents

    def one(self, data_set: DataSet) -> Document:
        """Return the document of a data set that is one object.

        Raises:
            UnreadDataSet: It is unread.
        """
        known = self._known(data_set)
        if len(known.documents) != 1:
            raise UnreadDataSet(data_set, Unread(Reason.ERROR))
        return known.documents[0]

    def oldest(self, data_sets: Sequence[DataSet]) -> datetime | None:
        """Return when the oldest of some data sets was read, or None if one of them is unread."""
        found = [self.look_up(one) for one in data_sets]
        moments = [one.read_at for one in found if isinstance(one, Known)]
        return min(moments, default=None) if len(moments) == len(found) else None

    def _known(self, data_set: DataSet) -> Known:
        found = self.look_up(data_set)
        if isinstance(found, Unread):
            raise UnreadDataSet(data_set, found)
        return found


def view(state: SyncState, stored: Mapping[str, Documents], now: datetime) -> Posture:
    """Return the posture that a sync's state and the stored data sets show."""
    names = state.data_sets.keys() | stored.keys()
    return Posture({name: _view(state.data_set(name), stored.get(name), now) for name in names})


def _view(entry: DataSetState, stored: Documents | None, now: datetime) -> Known | Unread:
    if entry.state is ReadState.NOT_LICENSED:
        return Unread(Reason.LICENCE, entry.missing_plans)
    if entry.state is ReadState.NOT_AUTHORISED:
        return _unauthorised(entry)
    if stored is None or entry.synced_at is None:
        return Unread(Reason.ERROR if entry.state is ReadState.FAILED else Reason.NOT_READ_YET)
    if now - entry.synced_at > FRESH_FOR:
        return Unread(Reason.STALE)
    return Known(tuple(stored.values()), entry.synced_at)


def _unauthorised(entry: DataSetState) -> Unread:
    if entry.missing_permission is not None:
        return Unread(Reason.PERMISSION, (entry.missing_permission,))
    return Unread(Reason.ROLE, entry.missing_roles)
