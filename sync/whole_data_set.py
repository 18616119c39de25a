"""A small data set: read whole, and stored only when its content changed."""

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

# Secure scores are kept for 90 days by their date, which stands at the end of their keys.
KEPT = timedelta(days=90)


async def sync_small_data_set(rows: RecordWriter, reading: Reading) -> DataSetState:
    """Store what was read; return the data set's state.

    Raises:
        Unreadable: It was not read whole; what is stored stays.
        LeaseLost: Somebody else has the tenant now; nothing more is written.
    """
    if isinstance(reading, Unreadable):
        raise reading
    before = rows.lease.state.data_set(rows.name)
    rows.leave_out(reading.unreadable)
    records = [to_stored(record) for record in reading.records]
    # What is left out has no digest, so that its rows are compared one by one each time.
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
    """Put what was read in the place of what is stored, unless it would remove too much."""
    before = rows.lease.state.data_set(rows.name)
    await rows.look_up()
    rows.seen |= {record.key for record in records}
    if doubt := _suspected(rows, records):
        return doubt
    gone = _gone(rows)
    if before.digest:
        # From here on the rows are neither the old content nor the new.
        await rows.lease.record(replace(before, digest=None))
    await rows.write(records)
    await rows.delete(gone)
    return succeeded(rows, before, len(rows.digests), digest)


def succeeded(
    rows: RecordWriter, before: DataSetState, count: int, digest: str | None = None
) -> DataSetState:
    """Return the state of a data set that was read whole."""
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
    """Keep the count and the time of the last good read: its rows are still there."""
    denied = failure.missing_permission is not None
    return replace(
        before,
        state=ReadState.NOT_AUTHORISED if denied else ReadState.FAILED,
        missing_permission=failure.missing_permission,
        error=failure.error,
    )


def _suspected(rows: RecordWriter, records: Sequence[StoredRecord]) -> DataSetState | None:
    """Return the state of a read that would remove too much, or None.

    No score is removed because it is missing, but for its age. Yet an answer without any, while
    some are stored, has to be confirmed before it counts.
    """
    missing: Collection[str] = rows.gone()
    if rows.name is DataSet.SECURE_SCORE:
        missing = () if records else rows.digests
    return suspected(rows, len(rows.digests), missing)


def _gone(rows: RecordWriter) -> set[str]:
    if rows.name is not DataSet.SECURE_SCORE:
        return rows.gone()
    # Graph forgets a score before we do.
    oldest = (rows.lease.clock.now() - KEPT).date().isoformat()
    return {key for key in rows.digests if key.rpartition(":")[2] < oldest}
