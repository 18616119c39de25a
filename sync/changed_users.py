"""A read of the changes to a tenant's users.

https://learn.microsoft.com/graph/delta-query-users
"""

from dataclasses import dataclass, replace

from domain.ports.graph_reader import TenantReader, Unreadable, UserPage
from domain.sync_state import DataSetState
from domain.user_block import INDEX_VERSION
from sync.read_states import succeeded
from sync.record_writer import RecordWriter
from sync.user_index import IndexedUsers
from sync.user_pages import ReadyPage, completed, write_behind


@dataclass(slots=True)
class ChangedUsers:
    """Reads and applies changes. Each page's link is a position, so replays do no harm.

    Args:
        position: Link to the first change that may be missing from the rows and the index.
    """

    indexed: IndexedUsers
    reader: TenantReader
    position: str

    @property
    def rows(self) -> RecordWriter:
        """The rows of the users."""
        return self.indexed.rows

    async def run(self) -> DataSetState:
        """Read the changes and write them; return the data set's state.

        Raises:
            Unreadable: The read did not reach its end; what was read is stored.
            PositionLost: Graph no longer knows the position.
            LeaseLost: Another worker has the tenant now; nothing more is written.
        """
        self.rows.unreadable_before = self.rows.state.unreadable
        try:
            await write_behind(self.reader.changes(self.position), self._write)
        except Unreadable:
            await self._store_position()
            raise
        await self._store_position()
        before = self.rows.state
        # Earlier releases did not store `whole_at`: the week to the next whole read starts now.
        state = replace(before, whole_at=before.whole_at or before.synced_at)
        now = self.rows.lease.clock.now()
        return succeeded(state, now, state.count or 0, self.rows.unreadable)

    async def _write(self, changed: UserPage) -> None:
        rows = self.rows
        ready = ReadyPage.of(await completed(rows, self.reader, changed))
        page = ready.page
        await rows.look_up(page.removed)
        await rows.write(ready.records)
        await rows.delete(page.removed)
        rows.leave_out(page.unreadable)
        self.indexed.note(ready.index_entries)
        self.position = page.delta_link or page.next_link or self.position
        if self.indexed.should_flush:
            await self._store_position()
        # The lease would expire during a long read without any write.
        await rows.lease.note_data_set(rows.state)

    async def _store_position(self) -> None:
        """Update the index up to the position, then store the position.

        With this order, the changes are read again from the old position after a crash.
        """
        rows = self.rows
        if rows.state.indexed != INDEX_VERSION:
            await self.indexed.build()
        elif self.indexed.pending_entries:
            await self.indexed.apply()
        state = replace(rows.state, delta_link=self.position, unreadable=rows.unreadable)
        await rows.lease.note_data_set(state)
