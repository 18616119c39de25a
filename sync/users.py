"""The sync of a tenant's users: all of them once a week, only changes in between.

https://learn.microsoft.com/graph/delta-query-users
"""

from dataclasses import replace
from datetime import timedelta
from zlib import crc32

from domain.ports.graph_reader import PositionLost, TenantReader, Unreadable
from domain.ports.whole_reads import WholeReads
from domain.sync_state import DataSetState
from sync.all_users import WholeRead
from sync.changed_users import ChangedUsers
from sync.record_writer import RecordWriter
from sync.user_index import IndexedUsers

# A whole read corrects what reads of changes have missed. Tenants are due at different times.
_WHOLE_EVERY, _SPREAD = timedelta(days=7), timedelta(days=1)


async def sync_users(
    indexed: IndexedUsers, reader: TenantReader, whole_reads: WholeReads
) -> DataSetState:
    """Bring the stored users and their index up to date; return the data set's state.

    Raises:
        Unreadable: The read did not reach its end; what was read is stored, and the lease's
            state contains the position from which to continue.
        LeaseLost: Another worker has the tenant now; nothing more is written.
    """
    rows = indexed.rows
    before = rows.state
    try:
        if before.delta_link and not before.next_link:
            if not _is_whole_read_due(rows, before):
                return await ChangedUsers(indexed, reader, before.delta_link).run()
            await _read_changes_first(indexed, reader, before.delta_link)
        return await WholeRead(indexed, reader, whole_reads).run()
    except PositionLost:
        # Start over. Stored rows are kept until a complete read no longer returns them.
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
    """Apply the changes before a whole read, which may fail.

    The whole read also corrects changes that cannot be read. The changes use a separate record
    writer, because the whole read must not count their users as seen.
    """
    rows = RecordWriter(indexed.rows.records, indexed.rows.lease)
    try:
        state = await ChangedUsers(IndexedUsers(indexed.index, rows), reader, link).run()
    except Unreadable as failure:
        if failure.retry_after is not None:
            raise
    else:
        await rows.lease.note_data_set(state)
