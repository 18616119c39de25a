"""The users of a tenant: all of them once a week, in between what changes.

https://learn.microsoft.com/graph/delta-query-users
"""

from dataclasses import replace
from datetime import timedelta
from zlib import crc32

from domain.ports.graph_reader import PositionLost, TenantReader, Unreadable, UserPage
from domain.ports.whole_reads import WholeReads
from domain.sync_state import DataSetState
from domain.user_block import INDEX_VERSION
from sync.all_users import WholeRead
from sync.record_writer import RecordWriter
from sync.user_index import IndexedUsers
from sync.user_pages import ReadyPage, completed, write_behind
from sync.whole_data_set import succeeded

# A whole read heals what any read of changes has missed. Tenants take turns.
_WHOLE_EVERY, _SPREAD = timedelta(days=7), timedelta(days=1)


async def sync_users(
    indexed: IndexedUsers, reader: TenantReader, whole_reads: WholeReads
) -> DataSetState:
    """Bring the stored users and their index up to date; return the data set's state.

    Raises:
        Unreadable: The read did not come to its end; what was read is stored, and the lease's
            state tells where to go on.
        LeaseLost: Somebody else has the tenant now; nothing more is written.
    """
    rows = indexed.rows
    before = rows.state
    try:
        if before.delta_link and not before.next_link:
            if not _is_whole_read_due(rows, before):
                return await _read_changes(indexed, reader, before.delta_link)
            await _read_changes_first(indexed, reader, before.delta_link)
        return await WholeRead(indexed, reader, whole_reads).run()
    except PositionLost:
        # Start over. What is stored stays until a complete read no longer holds it.
        await rows.lease.record(replace(rows.state, delta_link=None, next_link=None))
    try:
        return await WholeRead(indexed, reader, whole_reads).run()
    except PositionLost:
        raise Unreadable("Microsoft Graph keeps losing the position") from None


def _is_whole_read_due(rows: RecordWriter, before: DataSetState) -> bool:
    last = before.whole_at or before.synced_at
    if last is None:
        return True
    earlier = _SPREAD * (crc32(rows.lease.state.ref.tenant_id.encode()) % 1000) / 1000
    return rows.lease.clock.now() >= last + _WHOLE_EVERY - earlier


async def _read_changes_first(indexed: IndexedUsers, reader: TenantReader, link: str) -> None:
    """Apply what changed before a whole read that may not come to its end.

    The whole read heals changes that cannot be read too. It is to see nothing of what these
    rows have met.
    """
    rows = RecordWriter(indexed.rows.records, indexed.rows.lease, indexed.rows.name)
    try:
        state = await _read_changes(IndexedUsers(indexed.index, rows), reader, link)
    except Unreadable as failure:
        if failure.retry_after is not None:
            raise
    else:
        await rows.lease.note_data_set(state)


async def _read_changes(indexed: IndexedUsers, reader: TenantReader, link: str) -> DataSetState:
    """Apply what changed. Each page's link is a position of its own: a replay does no harm."""
    rows, position = indexed.rows, link
    rows.unreadable_before = rows.state.unreadable

    async def write(changed: UserPage) -> None:
        nonlocal position
        ready = ReadyPage.of(await completed(rows, reader, changed))
        page = ready.page
        await rows.look_up(page.removed)
        await rows.write(ready.records)
        await rows.delete(page.removed)
        rows.leave_out(page.unreadable)
        indexed.note(ready.told)
        position = page.delta_link or page.next_link or position
        if indexed.should_flush:
            await settle()
        await rows.lease.note_data_set(
            rows.state
        )  # However much there is to read, the lease holds.

    async def settle() -> None:
        # The position moves on once the index holds what was told up to there, and not before:
        # whoever goes on after a crash reads it again.
        if rows.state.indexed != INDEX_VERSION:
            await indexed.build()
        elif indexed.pending_entries:
            await indexed.apply()
        state = replace(rows.state, delta_link=position, unreadable=rows.unreadable)
        await rows.lease.note_data_set(state)

    try:
        await write_behind(reader.changes(link), write)
    except Unreadable:
        await settle()
        raise
    await settle()
    before = rows.state
    # A release before did not know it: its week begins now.
    state = replace(before, whole_at=before.whole_at or before.synced_at)
    return succeeded(rows, state, state.count or 0)
