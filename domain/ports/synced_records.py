"""The users that sync has stored from Microsoft Graph, one row each."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.data_set import Document
from domain.identifiers import TenantRef
from domain.ports.page import Page


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
    """The users that sync stored, per life of a tenant."""

    async def digests(self, ref: TenantRef, keys: Collection[str] | None = None) -> dict[str, str]:
        """Return the digests of all stored records, or of those with the given keys, by key."""
        ...

    async def read(self, ref: TenantRef, keys: Collection[str]) -> dict[str, Document]:
        """Return the records with these keys that are stored, by key."""
        ...

    async def write(self, ref: TenantRef, records: Sequence[StoredRecord]) -> None:
        """Insert or overwrite records, in full transactions.

        Raises:
            Unreadable: The kind or size of a record does not allow it to be stored.
        """
        ...

    async def delete(self, ref: TenantRef, keys: Sequence[str]) -> None:
        """Delete records; it is no error if one does not exist."""
        ...

    async def page(
        self,
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

    async def purge(self, ref: TenantRef, most: int) -> int:
        """Delete at most this many records; return the number deleted.

        A smaller number means that no record is left.
        """
        ...
