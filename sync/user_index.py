"""The search index of a tenant's users, updated by the sync that updates the rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from core.sweeps import all_pages
from domain.ports.graph_reader import UserPage
from domain.ports.user_index import BlockReplacement, Count, UserIndex
from domain.user_block import (
    INDEX_VERSION,
    Entry,
    blocks_of,
    by_block,
    covers_every_hash,
    entry_of,
    names_for,
)
from sync.lease import LeaseLost
from sync.record_writer import RecordWriter

_PAGE = 1000
_MOST_PENDING = 5000


def entries_of(page: UserPage) -> dict[str, Entry | None]:
    """Return a page's index entries, by key; None for a deleted user."""
    entries = {record.key: entry_of(record.key, record.document) for record in page.records}
    return {**entries, **dict.fromkeys(page.removed)}


@dataclass(slots=True)
class IndexedUsers:
    """The rows of a tenant's users, and the index blocks that contain them.

    Applying an entry twice is safe. So the index is repaired in the same way as the rows: by a
    sync that continues from a position at which the index was complete.

    Args:
        pending_entries: Entries from Graph that are not in the index yet, by key; None for a
            deleted user.
    """

    index: UserIndex
    rows: RecordWriter
    pending_entries: dict[str, Entry | None] = field(default_factory=dict)

    @property
    def should_flush(self) -> bool:
        """Whether the index should be written before reading more."""
        return len(self.pending_entries) >= _MOST_PENDING

    def note(self, pending_entries: Mapping[str, Entry | None]) -> None:
        """Keep a page's index entries until they are written."""
        self.pending_entries |= pending_entries

    async def apply(self) -> None:
        """Write the blocks that the pending entries change, and update the index's counts.

        Raises:
            LeaseLost: Another worker has the tenant now, or it is being purged; nothing was
                written.
        """
        ref = self.rows.lease.state.ref
        counts = dict(await self.index.counts(ref))
        if not covers_every_hash(counts):
            await self.build()
            return
        touched = by_block(counts, self.pending_entries)
        stored = await self.index.read([(ref, name) for name in touched])
        exchanges = []
        for name, pending_entries in touched.items():
            if (ref, name) not in stored:
                raise LeaseLost  # Only a purge removes blocks.
            before = stored[ref, name].value.entries()
            after = {
                key: entry for key, entry in (before | pending_entries).items() if entry is not None
            }
            if after != before:
                exchanges.append(BlockReplacement(name, blocks_of(name, after)))
        await self._write(counts, exchanges)

    async def build(self, keys: AbstractSet[str] | None = None) -> None:
        """Write every block, and update the index's counts.

        Args:
            keys: The keys of all existing users; without them, the stored rows are read.

        Raises:
            LeaseLost: Another worker has the tenant now; nothing was written.
        """
        ref = self.rows.lease.state.ref
        known = {key: entry for key, entry in self.pending_entries.items() if entry is not None}
        self.pending_entries.clear()  # A large tenant's users must be in memory only once.
        if keys is None or len(known) < len(keys) or not known.keys() <= keys:
            known = await self._stored_users()
        counts = dict(await self.index.counts(ref))
        if covers_every_hash(counts):
            names: Collection[str] = list(counts)
        else:
            # A first build was interrupted. Until one is complete, the state has no index version.
            await self.rows.lease.renew_if_old()
            await self.index.purge(ref)
            counts, names = {}, names_for(len(known))
        await self._write(counts, _divided(names, known, frozenset(counts)))

    async def _stored_users(self) -> dict[str, Entry]:
        ref = self.rows.lease.state.ref
        users = all_pages(lambda token: self.rows.records.page(ref, _PAGE, token))
        return {user["id"]: entry_of(user["id"], user) async for user in users}

    async def _write(self, counts: dict[str, Count], exchanges: Iterable[BlockReplacement]) -> None:
        """Write blocks, and store the totals of all blocks, both written and unchanged."""

        def counted() -> Iterator[BlockReplacement]:
            for exchange in exchanges:
                counts.pop(exchange.name, None)
                counts.update((b.name, Count(b.users, b.enabled)) for b in exchange.blocks)
                yield exchange

        await self.rows.lease.renew_if_old()
        await self.index.write(self.rows.lease.state.ref, counted())
        self.pending_entries.clear()
        self._note_count(counts.values())

    def _note_count(self, counts: Collection[Count]) -> None:
        """Store the index's totals in the state; a full count, so that a crash cannot skew it."""
        users, enabled = sum(c.users for c in counts), sum(c.enabled for c in counts)
        lease = self.rows.lease
        lease.set_roll_up(replace(lease.state.roll_up, users=users, enabled_users=enabled))
        lease.state = lease.state.with_data_set(
            replace(self.rows.state, count=users, indexed=INDEX_VERSION)
        )


def _divided(
    names: Collection[str], users: dict[str, Entry], stored: frozenset[str]
) -> Iterator[BlockReplacement]:
    """Yield the blocks with these names, each created on demand; `users` is emptied.

    Args:
        stored: The names of existing blocks, which are replaced.
    """
    divided = by_block(names, users)
    users.clear()
    for name in names:
        blocks = blocks_of(name, divided.pop(name, {}))
        if name in stored:
            yield BlockReplacement(name, blocks)
        else:
            yield from (BlockReplacement(block.name, [block]) for block in blocks)
