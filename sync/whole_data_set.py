"""A small data set: read completely, and stored only if its content has changed."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from domain.digest import digest_of_all, to_stored
from domain.ports.graph_reader import Reading, Unreadable
from domain.ports.synced_records import StoredRecord
from domain.sync_state import DataSet, DataSetState, ReadState
from sync.record_writer import RecordWriter
from sync.roll_up import summed_up
from sync.suspicion import suspected

# Secure scores are kept for 90 days by their date, which is the last part of their keys.
KEPT = timedelta(days=90)


async def sync_small_data_set(rows: RecordWriter, reading: Reading) -> DataSetState:
    """Store what was read; return the data set's state.

    Raises:
        Unreadable: It was not read completely; the stored rows are kept.
        LeaseLost: Another worker has the tenant now; nothing more is written.
    """
    if isinstance(reading, Unreadable):
        raise reading
    before = rows.lease.state.data_set(rows.name)
    rows.leave_out(reading.unreadable)
    records = [to_stored(record) for record in reading.records]
    # With records left out there is no digest, so that rows are compared one by one each time.
    digest = None if reading.unreadable else digest_of_all(records)
    if digest and before.digest == digest and before.count is not None:
        rows.tally.read = rows.tally.unchanged = len(records)
        state = succeeded(rows, before, before.count, digest)
    else:
        state = await _exchange(rows, records, digest)
    if state.state is ReadState.SUCCEEDED:
        rows.lease.set_roll_up(summed_up(rows.lease.state.roll_up, rows.name, reading.records))
    return state


async def _exchange(
    rows: RecordWriter, records: Sequence[StoredRecord], digest: str | None
) -> DataSetState:
    """Replace the stored rows by what was read, unless that would remove too many records."""
    before = rows.lease.state.data_set(rows.name)
    await rows.look_up()
    rows.seen |= {record.key for record in records}
    if doubt := _suspected(rows, records):
        return doubt
    gone = _gone(rows)
    if before.digest:
        # From here on the rows are a mixture of the old and the new content.
        await rows.lease.record(replace(before, digest=None))
    await rows.write(records)
    await rows.delete(gone)
    return succeeded(rows, before, len(rows.digests), digest)


def succeeded(
    rows: RecordWriter, before: DataSetState, count: int, digest: str | None = None
) -> DataSetState:
    """Return the state of a data set that was read completely."""
    return replace(
        before,
        state=ReadState.SUCCEEDED,
        count=count,
        synced_at=rows.lease.clock.now(),
        missing_permission=None,
        error=_left_out(rows.unreadable),
        digest=digest,
        unreadable=rows.unreadable,
        suspected_at=None,
        suspected=None,
    )


def _left_out(unreadable: int) -> str | None:
    if not unreadable:
        return None
    return f"{unreadable} record{'s' if unreadable > 1 else ''} unreadable"


def unread(before: DataSetState, failure: Unreadable) -> DataSetState:
    """Return the state of a failed read.

    The count and the time of the last successful read are kept, since its rows are still stored.
    """
    denied = failure.missing_permission is not None
    return replace(
        before,
        state=ReadState.NOT_AUTHORISED if denied else ReadState.FAILED,
        missing_permission=failure.missing_permission,
        error=failure.error,
    )


def _suspected(rows: RecordWriter, records: Sequence[StoredRecord]) -> DataSetState | None:
    """Return the state of a read that would remove too many records, or None.

    A score is removed because of its age, never because it is missing. However, an answer without
    any scores, while some are stored, must be confirmed before it counts.
    """
    missing: Collection[str] = rows.gone()
    if rows.name is DataSet.SECURE_SCORE:
        missing = () if records else rows.digests
    return suspected(rows, len(rows.digests), missing)


def _gone(rows: RecordWriter) -> set[str]:
    if rows.name is not DataSet.SECURE_SCORE:
        return rows.gone()
    # Graph deletes scores earlier than this service, so scores are removed only by age.
    oldest = (rows.lease.clock.now() - KEPT).date().isoformat()
    return {key for key in rows.digests if key.rpartition(":")[2] < oldest}
