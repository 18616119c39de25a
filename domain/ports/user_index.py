"""The search index of users."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import MspId, TenantRef
from domain.row_changes import Versioned
from domain.user_block import UserBlock


@dataclass(frozen=True, slots=True)
class Count:
    """The number of users in a block, and the number of enabled ones among them."""

    users: int
    enabled: int


@dataclass(frozen=True, slots=True)
class BlockReplacement:
    """Blocks that replace a block in one operation.

    Args:
        name: Name of the block to replace. If it does not exist, it can only be one of the new
            blocks.
    """

    name: str
    blocks: Sequence[UserBlock]


# Identifies a block among all blocks of an MSP.
type BlockKey = tuple[TenantRef, str]


class UserIndex(Protocol):
    """The search index of users: sync maintains it; search reads an MSP's in few operations."""

    async def counts(self, ref: TenantRef) -> Mapping[str, Count]:
        """Return the tenant's blocks by name, without their content."""
        ...

    async def read(self, keys: Collection[BlockKey]) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return the blocks with these keys that exist."""
        ...

    async def write(self, ref: TenantRef, exchanges: Iterable[BlockReplacement]) -> None:
        """Write blocks; each replacement is written completely or not at all.

        Raises:
            ConcurrentChange: A block to replace does not exist.
        """
        ...

    async def replace(self, ref: TenantRef, block: UserBlock, version: str) -> None:
        """Overwrite a block.

        Raises:
            ConcurrentChange: The block has another version, or is gone.
        """
        ...

    async def versions(self, msp_id: MspId) -> Mapping[BlockKey, str]:
        """Return the version of each of the MSP's blocks."""
        ...

    async def of_msp(self, msp_id: MspId) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return all of the MSP's blocks."""
        ...

    async def purge(self, ref: TenantRef) -> int:
        """Delete every block of the tenant; return the number of blocks deleted."""
        ...
