"""The data sets that sync has stored, all but the users: each as a whole."""

from collections.abc import Mapping
from typing import Protocol

from domain.data_set import Documents
from domain.identifiers import TenantRef


class TenantData(Protocol):
    """The stored data sets, per life of a tenant. A reader sees one whole version of each."""

    async def read(self, ref: TenantRef, name: str) -> Documents | None:
        """Return a data set's documents by key, or None if it was never stored."""
        ...

    async def read_all(self, ref: TenantRef) -> Mapping[str, Documents]:
        """Return all stored data sets by name, in one range read."""
        ...

    async def write(self, ref: TenantRef, name: str, documents: Documents) -> None:
        """Store a data set in place of its last version; a crash leaves one of the two.

        Raises:
            Unreadable: It is too large to be stored.
            ConcurrentChange: Another writer has stored it meanwhile.
        """
        ...

    async def purge(self, ref: TenantRef, most: int) -> int:
        """Delete at most this many rows; return the number deleted.

        A smaller number means that no row is left.
        """
        ...
