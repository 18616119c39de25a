"""A read of all users of a tenant."""

from dataclasses import dataclass, field, replace

from domain.ports.graph_reader import PositionLost, TenantReader, Unreadable, UserPage
from domain.ports.whole_reads import WholeReads
from domain.sync_state import DataSetState
from sync.read_states import succeeded
from sync.suspicion import suspected
from sync.user_index import IndexedUsers
from sync.user_pages import ReadyPage, completed, made_ready, write_behind


@dataclass(slots=True)
class WholeRead:
    """Reads every user, and then the changes since its start: a user may move between pages.

    A postponed read continues where it stopped. Rows of users that the read has not seen by its
    end are deleted. Only differences are written.

    Args:
        held: The number of rows stored before the read, any of which may have to be deleted.
        link: The link that returns the changes since the read began.
        noted: The users that are already stored as seen, so that the read can continue later.
        position: Link of the page after the last one written; at the end, of the last page.
    """

    indexed: IndexedUsers
    reader: TenantReader
    whole_reads: WholeReads
    held: int = 0
    link: str = ""
    noted: set[str | None] = field(default_factory=set)
    position: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.position = self.indexed.rows.state.next_link

    async def run(self) -> DataSetState:
        """Read, write and delete; return the data set's state.

        Raises:
            Unreadable: The read could not be completed.
            PositionLost: Graph no longer accepts the position where the read stopped.
            LeaseLost: Another worker has the tenant now; nothing more is written.
        """
        await self._begin()
        began = self.link
        try:
            await write_behind(made_ready(self.reader.users(self.position)), self._write)
            await write_behind(self.reader.changes(began), self._catch_up)
        except Unreadable as failure:
            if failure.retry_after is not None and self.held and self.position:
                await self._put_off(began)
            raise
        return await self._settle()

    async def _begin(self) -> None:
        """Look up the stored rows, and which of them a postponed read has already seen."""
        rows = self.indexed.rows
        before = rows.state
        await rows.look_up()
        self.link = (before.next_link and before.delta_link) or await self.reader.delta_link()
        if before.next_link is None:
            self.held = len(rows.digests)
            if self.held:
                await self.whole_reads.forget(rows.lease.state.ref)
            return
        rows.unreadable_before = before.unreadable
        rows.seen = await self.whole_reads.met(rows.lease.state.ref, self.link, rows.digests)
        if not rows.seen and before.synced_at is None:
            rows.seen = set(rows.digests)  # A first read has nothing to delete.
            return
        if not rows.seen:
            raise PositionLost  # It is unknown what it has seen: all users would seem deleted.
        self.noted, self.held = set(rows.seen), len(rows.digests)

    async def _write(self, ready: ReadyPage) -> None:
        rows, page = self.indexed.rows, ready.page
        await rows.write(ready.records)
        rows.leave_out(page.unreadable)
        self.indexed.note(ready.index_entries)
        self.position = page.next_link or self.position
        state = replace(rows.state, count=len(rows.digests))
        if not self.held and page.next_link:
            # A first read also continues there after a crash.
            state = replace(
                state, delta_link=self.link, next_link=self.position, unreadable=rows.unreadable
            )
        await rows.lease.note_data_set(state)

    async def _catch_up(self, changed: UserPage) -> None:
        rows = self.indexed.rows
        ready = ReadyPage.of(await completed(rows, self.reader, changed))
        await rows.write(ready.records)
        rows.leave_out(ready.page.unreadable)
        self.indexed.note(ready.index_entries)
        rows.seen -= set(ready.page.removed)
        self.link = changed.delta_link or self.link
        await rows.lease.note_data_set(
            rows.state
        )  # Renews the lease, however many changes there are.

    async def _put_off(self, began: str) -> None:
        rows = self.indexed.rows
        await rows.lease.renew_if_old()
        await self.whole_reads.add(rows.lease.state.ref, began, rows.seen - self.noted)
        state = replace(
            rows.state, delta_link=began, next_link=self.position, unreadable=rows.unreadable
        )
        await rows.lease.note_data_set(state)

    async def _settle(self) -> DataSetState:
        """Delete the rows of users that no longer exist, unless that is suspicious, and count.

        If it is suspicious, the next read is a complete one again, so that it can confirm this one.
        """
        rows = self.indexed.rows
        gone = rows.gone()
        now = rows.lease.clock.now()
        doubt = suspected(rows.state, now, self.held, gone)
        if doubt is None:
            await rows.delete(gone)
        await self.indexed.build(rows.digests.keys())
        if doubt is not None:
            counted = rows.state
            doubt = replace(doubt, delta_link=None, next_link=None, unreadable=rows.unreadable)
            return replace(doubt, count=counted.count, indexed=counted.indexed)
        state = replace(rows.state, delta_link=self.link, next_link=None, whole_at=now)
        return succeeded(state, now, len(rows.digests), rows.unreadable)
