"""A data set that is stored as a whole: what was read is merged with what is stored.

Unchanged content is recognised by its digest, without reading what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.data_set import DataSet, Document, Documents, History, Since
from domain.digest import digest_of_all, to_stored
from domain.ports.graph_reader import Records
from domain.ports.tenant_data import TenantData
from domain.sync_state import Access, DataSetState, ReadState
from sync.lease import Lease
from sync.read_states import is_empty_without_licence, not_licensed, succeeded
from sync.roll_up import summed_up
from sync.suspicion import suspected
from sync.tally import Tally


@dataclass(frozen=True, slots=True)
class StoredDataSet:
    """Stores one data set of a tenant, under the lease."""

    tenant_data: TenantData
    lease: Lease
    data_set: DataSet
    access: Access
    tally: Tally

    @property
    def state(self) -> DataSetState:
        """The data set's state in this sync."""
        return self.lease.state.data_set(self.data_set.name)

    async def keep(self, read: Records, began: datetime) -> DataSetState:
        """Store what was read; return the data set's state.

        Args:
            began: When the read began: from then on, an incremental read continues.

        Raises:
            Unreadable: It cannot be stored.
            LeaseLost: Another worker has the tenant now; nothing was written.
        """
        self.tally.read, self.tally.unreadable = len(read.records), len(read.unreadable)
        if is_empty_without_licence(self.data_set, len(read.records), self.access):
            return not_licensed(self.data_set, self.state)
        # With records left out there is no digest, so that the next read is compared as well.
        digest = None if read.unreadable else self._digest(read)
        if digest and self._is_unchanged(digest):
            self.tally.unchanged = len(read.records)
            state = self._succeeded(self.state.count or 0, digest, began)
        else:
            state = await self._merge(read, digest, began)
        if state.state is ReadState.SUCCEEDED:
            found = {record.key: record.document for record in read.records}
            figures = summed_up(self.lease.state.roll_up, self.data_set, found)
            self.lease.set_roll_up(figures)
        return state

    def _digest(self, read: Records) -> str:
        """Return the digest of what was read; with a history, of this day: records grow old."""
        digest = digest_of_all(map(to_stored, read.records))
        if self.data_set.history is None:
            return digest
        return f"{digest} {self.lease.clock.now().date().isoformat()}"

    def _is_unchanged(self, digest: str) -> bool:
        """Return whether what is stored need not be compared.

        A sync on demand compares, and so does the first one after a release that stored the data
        elsewhere: what is stored may have been lost or restored.
        """
        state, wanted_at = self.state, self.lease.state.wanted_at
        if state.digest != digest or state.count is None or state.tried_at is None:
            return False
        return wanted_at is None or state.tried_at >= wanted_at

    async def _merge(self, read: Records, digest: str | None, began: datetime) -> DataSetState:
        """Write what has changed, unless that would remove too many records."""
        name, ref = self.data_set.name, self.lease.state.ref
        stored = await self.tenant_data.read(ref, name) or {}
        merged = merge(self.data_set, stored, read, began)
        missing = _missing(self.data_set, stored, read, merged)
        doubt = suspected(self.state, self.lease.clock.now(), len(stored), missing)
        if doubt is not None:
            return replace(doubt, unreadable=len(read.unreadable))
        if merged != stored or self.state.count is None:
            await self._forget_digest()
            await self.tenant_data.write(ref, name, merged)
        self._count_changes(stored, merged)
        return self._succeeded(len(merged), digest, began)

    async def _forget_digest(self) -> None:
        """Make sure that a read after a crash compares what is stored, and that the lease holds."""
        if self.state.digest is None:
            await self.lease.renew_if_old()
        else:
            await self.lease.record(replace(self.state, digest=None))

    def _count_changes(self, stored: Documents, merged: Documents) -> None:
        self.tally.deleted = len(stored.keys() - merged.keys())
        changed = [key for key, document in merged.items() if stored.get(key) != document]
        self.tally.written = len(changed)
        self.tally.unchanged = len(merged) - len(changed)

    def _succeeded(self, count: int, digest: str | None, began: datetime) -> DataSetState:
        now, unreadable = self.lease.clock.now(), self.tally.unreadable
        state = succeeded(self.state, now, count, unreadable, digest)
        is_incremental = isinstance(self.data_set.shape, Since)
        return replace(state, watermark=began) if is_incremental else state


def merge(data_set: DataSet, stored: Documents, read: Records, now: datetime) -> Documents:
    """Return the documents to store, in the order of their keys.

    A complete read replaces what is stored. Records that could not be read are kept, and so are
    those of a data set with a history, until they are too old.
    """
    found: dict[str, Document] = {record.key: record.document for record in read.records}
    if data_set.history is not None:
        kept = _recent(data_set.history, stored, now)
    elif None in read.unreadable:
        kept = stored  # It is unknown which record could not be read: it may be any of them.
    else:
        kept = {key: stored[key] for key in read.unreadable if key is not None and key in stored}
    return dict(sorted({**kept, **found}.items()))


def _recent(history: History, stored: Documents, now: datetime) -> Documents:
    oldest = (now - timedelta(days=history.days)).date().isoformat()
    return {
        key: document
        for key, document in stored.items()
        if str(document.get(history.moment) or "9999")[: len(oldest)] >= oldest
    }


def _missing(
    data_set: DataSet, stored: Documents, read: Records, merged: Documents
) -> Mapping[str, Document]:
    """Return the stored records that the read would remove or, with a history, has not seen.

    A record with a history is removed because of its age, never because it is missing. However, an
    empty answer to a complete read must be confirmed while records are stored.
    """
    if isinstance(data_set.shape, Since):
        return {}
    if data_set.history is not None:
        return {} if read.records or read.unreadable else stored
    return {key: stored[key] for key in stored.keys() - merged.keys()}
