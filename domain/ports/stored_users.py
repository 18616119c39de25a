"""Single users as sync has stored them."""

from typing import Protocol

from domain.data_set import Document
from domain.identifiers import TenantRef
from domain.row_changes import Versioned


class StoredUsers(Protocol):
    """The rows of users, one by one and with their versions; sync writes them in bulk."""

    async def find(self, ref: TenantRef, user_id: str) -> Versioned[Document] | None:
        """Return a user as stored, or None."""
        ...

    async def replace(self, ref: TenantRef, user_id: str, document: Document, version: str) -> None:
        """Overwrite a user.

        Raises:
            ConcurrentChange: The row has another version, or is gone.
        """
        ...
