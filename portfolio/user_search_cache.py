"""The search index in memory: only changed blocks are read and decompressed again."""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.identifiers import MspId, TenantRef
from domain.ports.clock import Clock
from domain.ports.portfolio_reader import PortfolioReader
from domain.ports.user_index import BlockKey, UserIndex
from domain.row_changes import Versioned
from domain.sync_state import SyncSummary
from domain.user_block import UserBlock

type _Blocks = Mapping[BlockKey, Versioned[UserBlock]]

_MOST_BYTES = 256 * 1024 * 1024
# For more blocks than this, reading all of them at once costs less than reading each by key.
_MOST_BY_KEY = 64
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class MspUsers:
    """An MSP's index at a certain time, and the state of each tenant's sync at that time."""

    read_at: datetime
    blocks: _Blocks
    summaries: Mapping[TenantRef, SyncSummary]
    by_tenant: Mapping[TenantRef, list[UserBlock]]
    size: int


class CachedUsers:
    """The indexes of the MSPs that searched last, within a limit of memory.

    Args:
        age: The age at which an index is compared with storage, by keys and versions only.
        most_bytes: The limit for all indexes together; the one in use is kept in any case.
    """

    def __init__(
        self,
        index: UserIndex,
        reader: PortfolioReader,
        clock: Clock,
        age: timedelta,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._index, self._reader, self._clock = index, reader, clock
        self._age, self._most_bytes = age, most_bytes
        self._known: OrderedDict[MspId, MspUsers] = OrderedDict()
        self._reading: dict[MspId, asyncio.Task[MspUsers]] = {}

    async def of_msp(self, msp_id: MspId) -> MspUsers:
        """Return an MSP's index; concurrent callers share one read of it."""
        known = self._known.get(msp_id)
        if known and self._clock.now() - known.read_at < self._age:
            self._known.move_to_end(msp_id)
            return known
        task = self._reading.get(msp_id)
        if task is None:
            task = asyncio.ensure_future(self._refresh(msp_id, known))
            self._reading[msp_id] = task
            task.add_done_callback(lambda _: self._reading.pop(msp_id, None))
        return await asyncio.shield(task)  # A cancelled caller must not cancel the others.

    async def _refresh(self, msp_id: MspId, known: MspUsers | None) -> MspUsers:
        read_at = self._clock.now()
        blocks, summaries = await asyncio.gather(
            self._blocks(msp_id, known.blocks if known else {}), self._reader.summaries(msp_id)
        )
        users = _of(read_at, blocks, summaries)
        self._known[msp_id] = users
        self._known.move_to_end(msp_id)
        while len(self._known) > 1 and self._size() > self._most_bytes:
            self._known.popitem(last=False)
        return users

    def _size(self) -> int:
        return sum(users.size for users in self._known.values())

    async def _blocks(self, msp_id: MspId, known: _Blocks) -> _Blocks:
        if not known:
            return await self._index.of_msp(msp_id)
        for _ in range(_ATTEMPTS):
            versions = await self._index.versions(msp_id)
            kept = {
                key: block for key, block in known.items() if versions.get(key) == block.version
            }
            changed = versions.keys() - kept.keys()
            if len(changed) > _MOST_BY_KEY:
                break
            read = await self._index.read(changed) if changed else {}
            if len(read) == len(changed):
                return kept | dict(read)
            # A block was just split, and its users are in other blocks: read the versions again.
        return await self._index.of_msp(msp_id)


def _of(read_at: datetime, blocks: _Blocks, summaries: Mapping[TenantRef, SyncSummary]) -> MspUsers:
    by_tenant: dict[TenantRef, list[UserBlock]] = {}
    for (ref, name), block in sorted(blocks.items(), key=lambda item: _order(item[0])):
        of_tenant = by_tenant.setdefault(ref, [])
        # A block that was split while the pages were read may be there together with its parts.
        while of_tenant and name.startswith(of_tenant[-1].name):
            of_tenant.pop()
        of_tenant.append(block.value)
    size = sum(
        sys.getsizeof(block.value.folded) + sys.getsizeof(block.value.answers)
        for block in blocks.values()
    )
    return MspUsers(read_at, blocks, summaries, by_tenant, size)


def _order(key: BlockKey) -> tuple[str, str, str]:
    ref, name = key
    return ref.tenant_id, ref.epoch, name
