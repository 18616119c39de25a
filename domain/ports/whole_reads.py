"""The users that an interrupted read of all users has seen."""

from collections.abc import Collection
from typing import Protocol

from domain.identifiers import TenantRef


class WholeReads(Protocol):
    """The users that a read of all users has seen before it was postponed."""

    async def add(self, ref: TenantRef, read: str, keys: Collection[str | None]) -> None:
        """Store that a read has seen these users.

        Args:
            read: Identifies the read.
            keys: Keys of the users; None for a user whose key cannot be read.
        """
        ...

    async def met(self, ref: TenantRef, read: str, keys: Collection[str]) -> set[str | None]:
        """Return the keys, possibly including None, that the read has seen."""
        ...

    async def forget(self, ref: TenantRef) -> None:
        """Delete everything that is stored about the tenant's reads."""
        ...
