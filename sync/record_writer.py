"""The stored rows of the users, as one sync sees and changes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import batched

from core.data_sets.identity import USERS
from domain.data_set import Document
from domain.digest import to_stored
from domain.ports.synced_records import StoredRecord, SyncedRecord, SyncedRecords
from domain.sync_state import DataSetState
from sync.lease import Lease
from sync.tally import Tally

_BATCH = 1000


@dataclass(slots=True)
class RecordWriter:
    """Writes changed records, under the lease.

    Args:
        digests: Digests of the rows known to be stored, by key.
        seen: Keys of the records that Graph returned; None for one whose key cannot be read.
        unreadable_before: The number of records left out by an earlier part of the same read.
    """

    records: SyncedRecords
    lease: Lease
    digests: dict[str, str] = field(default_factory=dict)
    seen: set[str | None] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    unreadable_before: int = 0

    @property
    def state(self) -> DataSetState:
        """The users' current state in this sync."""
        return self.lease.state.data_set(USERS.name)

    @property
    def unreadable(self) -> int:
        """The number of records left out."""
        return self.unreadable_before + self.tally.unreadable

    async def look_up(self, keys: Collection[str] | None = None) -> None:
        """Read the digests of all stored rows, or of those with the given keys."""
        unknown = None if keys is None else set(keys) - self.digests.keys()
        if unknown is None or unknown:
            self.digests |= await self.records.digests(self.lease.state.ref, unknown)

    async def read(self, keys: Collection[str]) -> dict[str, Document]:
        """Return the stored records with these keys, by key, and keep their digests."""
        found = await self.records.read(self.lease.state.ref, keys)
        self.digests |= {
            key: to_stored(SyncedRecord(key, document)).digest for key, document in found.items()
        }
        return found

    def leave_out(self, keys: Sequence[str | None]) -> None:
        """Register records that cannot be read; their stored rows are kept."""
        self.seen |= set(keys)
        self.tally.unreadable += len(keys)

    def gone(self) -> set[str]:
        """Return the keys of stored records that a complete read has not seen.

        If the key of a record cannot be read, it may be any of them: then the result is empty.
        """
        return set() if None in self.seen else self.digests.keys() - self.seen

    async def write(self, records: Sequence[StoredRecord]) -> int:
        """Write the records that are new or changed; return the number of new ones.

        Raises:
            LeaseLost: Another worker has the tenant now; nothing was written.
        """
        # Graph may repeat a record within a page; the last one counts.
        latest = {record.key: record for record in records}
        changed = [r for key, r in latest.items() if self.digests.get(key) != r.digest]
        if changed:
            await self.lease.renew_if_old()
            await self.records.write(self.lease.state.ref, changed)
        new = len(latest.keys() - self.digests.keys())
        self.digests |= {record.key: record.digest for record in changed}
        self.seen |= latest.keys()
        self.tally.read += len(latest)
        self.tally.written += len(changed)
        self.tally.unchanged += len(latest) - len(changed)
        return new

    async def delete(self, keys: Collection[str]) -> int:
        """Delete the stored rows with these keys; return the number of rows.

        Raises:
            LeaseLost: Another worker has the tenant now; nothing more is deleted.
        """
        gone = sorted(self.digests.keys() & set(keys))
        for some in batched(gone, _BATCH, strict=False):
            await (
                self.lease.renew_if_old()
            )  # Deleting all rows of a large tenant takes longer than a lease.
            await self.records.delete(self.lease.state.ref, some)
            for key in some:
                del self.digests[key]
            self.tally.deleted += len(some)
        return len(gone)
