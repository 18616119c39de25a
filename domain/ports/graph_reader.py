"""Reading a tenant's data sets from Microsoft Graph."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.msp import Msp
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import DataSet
from domain.tenant import (
    Tenant,
)

# Of a mistake in our own code, which is no answer of Microsoft's.
INTERNAL_FAULT = "Internal fault: this service could not read the answer."


class Unreadable(Exception):
    """A read that did not come to its end: not the same as an empty answer.

    Args:
        error: For people.
        missing_permission: The Graph permission that the app lacks, when that is the reason.
        retry_after: Seconds after which to go on, when Graph asks for more than one invocation
            waits.
    """

    def __init__(
        self,
        error: str,
        missing_permission: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.missing_permission = missing_permission
        self.retry_after = retry_after


class PositionLost(Exception):
    """Graph no longer knows a link that it gave: the read starts over, and wipes nothing."""


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a data set.

    Args:
        unreadable: The key of each record that is not as Microsoft documents it, None where it
            has none that can be read. They are left out, and are not gone.
    """

    records: Sequence[SyncedRecord]
    unreadable: Sequence[str | None] = ()


type Reading = Records | Unreadable


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users, or of changes of users.

    Args:
        records: Of changes, a document has the properties alone that have changed.
        removed: Keys of users that are gone.
        next_link: Where to go on after this page, or None at the end.
        delta_link: At the end of a read of changes: where the next one begins.
        unreadable: As for `Records`.
    """

    records: Sequence[SyncedRecord]
    removed: Sequence[str] = ()
    next_link: str | None = None
    delta_link: str | None = None
    unreadable: Sequence[str | None] = ()


@dataclass(slots=True)
class ReadCost:
    """What reading a tenant has cost."""

    requests: int = 0
    throttled_seconds: float = 0.0


class TenantReader(Protocol):
    """Reads one tenant, one request at a time."""

    @property
    def cost(self) -> ReadCost:
        """What this reader has asked and waited so far."""
        ...

    async def small_data_sets(self) -> Mapping[DataSet, Reading]:
        """Return everything but the users, each data set whole or unreadable."""
        ...

    async def primary_domain(self) -> str | None:
        """Return the tenant's default domain, or None when it cannot be read."""
        ...

    async def delta_link(self) -> str:
        """Return the link by which `changes` tells all that changes from now on.

        Raises:
            Unreadable: There is none to be had.
        """
        ...

    def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        """Yield every user, from the start or from where an earlier read stopped.

        Raises:
            Unreadable: The read did not come to its end.
            PositionLost: The link is too old.
        """
        ...

    def changes(self, link: str) -> AsyncIterator[UserPage]:
        """Yield what has changed of users since; Graph may repeat a change.

        Raises:
            Unreadable: The read did not come to its end.
            PositionLost: The link is too old.
        """
        ...

    async def users_of(self, keys: Sequence[str]) -> UserPage:
        """Return the users with these keys, whole; one that there is no more is removed.

        Raises:
            Unreadable: One of them could not be asked for.
        """
        ...


class GraphReader(Protocol):
    """Opens tenants for reading; which kind of token a tenant takes is its own affair."""

    def of(self, msp: Msp, tenant: Tenant) -> TenantReader:
        """Return the reader of one tenant, with the patience of one invocation."""
        ...
