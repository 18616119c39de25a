"""What an interrupted read of all users has met."""

from collections.abc import Collection
from typing import Protocol

from domain.identifiers import TenantRef


class WholeReads(Protocol):
    """Which users a read of all of them has met before it was put off."""

    async def add(self, ref: TenantRef, read: str, keys: Collection[str | None]) -> None:
        """Store that a read has met these users.

        Args:
            read: What tells the read from every other one.
            keys: None stands for a user whose key cannot be read.
        """
        ...

    async def met(self, ref: TenantRef, read: str, keys: Collection[str]) -> set[str | None]:
        """Return those of the keys, and None, that the read has met."""
        ...

    async def forget(self, ref: TenantRef) -> None:
        """Delete what is stored of the tenant's reads."""
        ...
