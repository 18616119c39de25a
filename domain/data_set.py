"""Data sets: what is read of a tenant, each declared as a value.

The values are in `core.data_sets`, one module per topic. Sync, permissions, the app manifest, the
routes, purge and export follow from them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

type Document = Mapping[str, Any]
# The documents of one data set by key, in the order of their keys.
type Documents = Mapping[str, Document]


class Cadence(Enum):
    """How often a data set is read."""

    QUARTER_HOURLY = timedelta(minutes=15)
    HOURLY = timedelta(hours=1)
    REGULAR = timedelta(hours=6)  # as the setting SYNC_INTERVAL_HOURS says
    DAILY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class One:
    """One object."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list, page by page.

    Args:
        key: The property that identifies a record.
    """

    key: str = "id"


@dataclass(frozen=True, slots=True)
class Each:
    """A list for each of several objects; `{id}` in the path stands for the object's ID.

    The record of an object is `{"id": …, "value": […]}`.

    Args:
        of: The data sets that name the objects.
        ids: Returns the IDs of the objects, from the documents of these data sets.
    """

    of: tuple[str, ...]
    ids: Callable[[Mapping[str, Collection[Document]]], Collection[str]]


@dataclass(frozen=True, slots=True)
class Since:
    """Only what has changed since the last complete read; `{since}` in the path is a time.

    Args:
        overlap: How far a read goes back behind the last one: Microsoft publishes records late.
        first: How far the first read goes back.
        watched: Whether only records of watched accounts are read; `{accounts}` in the path stands
            for a condition that names them.
    """

    overlap: timedelta
    first: timedelta
    key: str = "id"
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A CSV report behind a redirect.

    Args:
        key: The column that identifies a row.
    """

    key: str = "User Principal Name"


@dataclass(frozen=True, slots=True)
class Users:
    """The users: by delta, in a table of their own with a search index."""


type Shape = One | Many | Each | Since | Report | Users


@dataclass(frozen=True, slots=True)
class History:
    """Records are kept until they are this old, whether or not Graph still returns them.

    Args:
        moment: The property with a record's time.
    """

    moment: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """What is read of a tenant.

    Args:
        path: Of the request, below the version.
        keep: The properties to store, as dotted paths; all of them if empty.
        permissions: The least privileged Graph permissions that read it, all of them needed; the
            same names serve app-only and delegated tokens.
        roles: The Entra roles that may read it under GDAP; any of them suffices.
        plans: The service plans of which the tenant needs one; none if every tenant has it.
        is_default: Whether its permissions are in the default manifest. Otherwise it is read only
            where a capability has asked for them.
        is_paced: Whether Graph accepts only one such request a second for a tenant, from all apps
            together: Conditional Access and identity protection.
        history: How long records are kept; None if each complete read replaces them.
        docs: Microsoft's page.
    """

    name: str
    path: str
    shape: Shape
    cadence: Cadence
    permissions: tuple[str, ...]
    roles: tuple[str, ...]
    docs: str
    version: str = "v1.0"
    keep: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    is_default: bool = True
    is_paced: bool = False
    history: History | None = None
