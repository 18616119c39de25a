"""Reading a tenant's data sets from Microsoft Graph."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.data_set import DataSet
from domain.msp import Msp
from domain.ports.synced_records import SyncedRecord
from domain.tenant import Tenant

# The error for a bug in this service, which is not an answer of Microsoft.
INTERNAL_FAULT = "Internal fault: this service could not read the answer."


# The code of a refusal by Entra: without consent there is no token.
CONSENT_REQUIRED = "consent_required"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Graph understood the request and refuses it.

    Args:
        code: Graph's error code.
        is_denied: Whether access is denied, rather than something else refused.
    """

    code: str
    is_denied: bool


class Unreadable(Exception):
    """A read that could not be completed; this is not the same as an empty answer.

    Args:
        error: A text for people.
        refusal: Graph's refusal, if that is the reason.
        retry_after: Seconds after which to continue, if Graph asks for a longer wait than one
            invocation allows.
    """

    def __init__(
        self, error: str, refusal: Refusal | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(error)
        self.error, self.refusal, self.retry_after = error, refusal, retry_after


class PositionLost(Exception):
    """Graph no longer accepts a link that it returned: the read restarts, and deletes nothing."""


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a data set.

    Args:
        unreadable: The key of each record that is not as Microsoft documents it, or None if its
            key cannot be read. These records are left out, but do not count as deleted.
    """

    records: Sequence[SyncedRecord]
    unreadable: Sequence[str | None] = ()


type Reading = Records | Unreadable


@dataclass(frozen=True, slots=True)
class Wanted:
    """A data set to read.

    Args:
        since: From when on, if it is read incrementally.
        ids: The objects or the watched accounts of which it is read, if it names some.
    """

    data_set: DataSet
    since: datetime | None = None
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users, or of changes of users.

    Args:
        records: In a page of changes, a document has only the properties that have changed.
        removed: Keys of users that have been deleted.
        next_link: The link of the next page, or None at the end.
        delta_link: At the end of a read of changes, the link of the next read.
        unreadable: As for `Records`.
    """

    records: Sequence[SyncedRecord]
    removed: Sequence[str] = ()
    next_link: str | None = None
    delta_link: str | None = None
    unreadable: Sequence[str | None] = ()


@dataclass(slots=True)
class ReadCost:
    """The cost of reading a tenant."""

    requests: int = 0
    throttled_seconds: float = 0.0


class TenantReader(Protocol):
    """Reads one tenant, one request at a time."""

    @property
    def cost(self) -> ReadCost:
        """The requests and the waiting time of this reader so far."""
        ...

    async def permissions(self, *, fresh: bool) -> frozenset[str] | None:
        """Return the Graph permissions in the tenant's token, or None without a token.

        Args:
            fresh: Whether to get a new token first.
        """
        ...

    @property
    def is_delegated(self) -> bool:
        """Whether a service account reads, which needs Entra roles besides the permissions."""
        ...

    def read(self, wanted: Sequence[Wanted]) -> AsyncIterator[tuple[DataSet, Reading]]:
        """Yield each data set, complete or unreadable, in as few requests as possible.

        The users are read with the methods below.
        """
        ...

    async def primary_domain(self) -> str | None:
        """Return the tenant's default domain, or None when it cannot be read."""
        ...

    async def delta_link(self) -> str:
        """Return the link with which `changes` returns everything that changes from now on.

        Raises:
            Unreadable: Graph does not return one.
        """
        ...

    def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        """Yield every user, from the start or from the position where an earlier read stopped.

        Raises:
            Unreadable: The read could not be completed.
            PositionLost: The link is too old.
        """
        ...

    def changes(self, link: str) -> AsyncIterator[UserPage]:
        """Yield the changes of users since the link was created; Graph may repeat a change.

        Raises:
            Unreadable: The read could not be completed.
            PositionLost: The link is too old.
        """
        ...

    async def users_of(self, keys: Sequence[str]) -> UserPage:
        """Return the users with these keys, complete; deleted ones are in `removed`.

        Raises:
            Unreadable: One of them could not be requested.
        """
        ...


class GraphReader(Protocol):
    """Opens tenants for reading; it chooses the kind of token that a tenant needs."""

    def of(self, msp: Msp, tenant: Tenant) -> TenantReader:
        """Return the reader of one tenant; it waits no longer than one invocation allows."""
        ...
