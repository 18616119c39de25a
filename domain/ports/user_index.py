"""The search index of users."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import MspId, TenantRef
from domain.row_changes import Versioned
from domain.user_block import UserBlock


@dataclass(frozen=True, slots=True)
class Count:
    """How many users a block holds, and how many of them are enabled."""

    users: int
    enabled: int


@dataclass(frozen=True, slots=True)
class BlockReplacement:
    """Blocks that take a block's place, all at once.

    Args:
        name: Of the block that they take the place of; one that is not there can only be among
            them.
    """

    name: str
    blocks: Sequence[UserBlock]


# A block among all of an MSP's.
type BlockKey = tuple[TenantRef, str]


class UserIndex(Protocol):
    """The search index of users: sync keeps it, and search reads an MSP's in few operations."""

    async def counts(self, ref: TenantRef) -> Mapping[str, Count]:
        """Return the tenant's blocks by name, without their content."""
        ...

    async def read(self, keys: Collection[BlockKey]) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return those of the blocks that there are."""
        ...

    async def write(self, ref: TenantRef, exchanges: Iterable[BlockReplacement]) -> None:
        """Write blocks, each exchange whole or not at all.

        Raises:
            ConcurrentChange: A block that is to go is not there.
        """
        ...

    async def versions(self, msp_id: MspId) -> Mapping[BlockKey, str]:
        """Return the version of each of the MSP's blocks."""
        ...

    async def of_msp(self, msp_id: MspId) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return all of the MSP's blocks."""
        ...

    async def purge(self, ref: TenantRef) -> int:
        """Delete every block of the tenant; return how many there were."""
        ...
