"""The records that sync has stored from Microsoft Graph."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.identifiers import TenantRef
from domain.ports.page import Page
from domain.sync_state import DataSet

type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SyncedRecord:
    """A record as Graph returned it.

    Args:
        key: Its row key; lists are ordered by key.
        document: Graph's JSON object with unchanged property names and values.
    """

    key: str
    document: Document


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored.

    Args:
        text: The document in canonical JSON.
        digest: Digest of the text; identifies an unchanged record.
    """

    key: str
    text: str
    digest: str


class SyncedRecords(Protocol):
    """The records that sync stored, per data set and life of a tenant."""

    async def digests(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return the digests of all stored records, or of those with the given keys, by key."""
        ...

    async def read(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str]
    ) -> dict[str, Document]:
        """Return the records with these keys that are stored, by key."""
        ...

    async def write(
        self, data_set: DataSet, ref: TenantRef, records: Sequence[StoredRecord]
    ) -> None:
        """Insert or overwrite records, in full transactions.

        Raises:
            Unreadable: The kind or size of a record does not allow it to be stored.
        """
        ...

    async def delete(self, data_set: DataSet, ref: TenantRef, keys: Sequence[str]) -> None:
        """Delete records; it is no error if one does not exist."""
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
            keep: Selects the documents to return, as for `MspStore.tenants`.

        Raises:
            MalformedInput: The token is not one from an earlier page.
        """
        ...

    async def purge(self, data_set: DataSet, ref: TenantRef, most: int) -> int:
        """Delete at most this many records of the data set; return the number deleted.

        A smaller number means that no record is left.
        """
        ...
