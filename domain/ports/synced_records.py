"""What sync has stored of Microsoft Graph."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.identifiers import TenantRef
from domain.ports.page import Page
from domain.sync_state import DataSet

type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SyncedRecord:
    """A record as Graph gave it.

    Args:
        key: Its row key; lists are in the order of the keys.
        document: Graph's JSON object: property names and values as they came.
    """

    key: str
    document: Document


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored.

    Args:
        text: The document in canonical JSON.
        digest: Of the text, by which an unchanged record is known.
    """

    key: str
    text: str
    digest: str


class SyncedRecords(Protocol):
    """What sync stored, per data set and tenant life."""

    async def digests(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return the digest of each stored record, or of those named, by key."""
        ...

    async def read(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str]
    ) -> dict[str, Document]:
        """Return those of the records that are stored, by key."""
        ...

    async def write(
        self, data_set: DataSet, ref: TenantRef, records: Sequence[StoredRecord]
    ) -> None:
        """Insert or overwrite records, in full transactions.

        Raises:
            Unreadable: A record is of a kind or size that cannot be stored.
        """
        ...

    async def delete(self, data_set: DataSet, ref: TenantRef, keys: Sequence[str]) -> None:
        """Delete records; one that is gone already is no error."""
        ...

    async def page(
        self,
        data_set: DataSet,
        ref: TenantRef,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Document], bool] | None = None,
    ) -> Page[Document]:
        """Return a page of the documents in the order of their keys.

        Args:
            keep: Which of them, as for `MspStore.tenants`.

        Raises:
            MalformedInput: The token is none that a page gave.
        """
        ...

    async def purge(self, data_set: DataSet, ref: TenantRef, most: int) -> int:
        """Delete records of the data set, at most so many; fewer deleted means none is left."""
        ...
