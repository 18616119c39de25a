"""Reading one data set: unread is not empty, and an unchanged row is not written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.fingerprint import fingerprint
from domain.identifiers import TenantRef
from domain.msp import Msp
from domain.ports import GraphReader, SyncedRecord, SyncedRecords, Unreadable
from domain.sync_state import DataSet, DataSetState, ReadState
from domain.tenant import Tenant
from sync.lease import Lease

# Secure scores are kept for 90 days by their date, which stands at the end of their keys.
KEPT = timedelta(days=90)


@dataclass(slots=True)
class _Progress:
    """The digests of what is stored, and the keys that this read has seen."""

    stored: dict[str, str]
    seen: set[str]


async def sync_data_set(  # noqa: PLR0913  what is read, by which ports, for whom
    records: SyncedRecords,
    reader: GraphReader,
    lease: Lease,
    msp: Msp,
    tenant: Tenant,
    name: DataSet,
) -> DataSetState:
    """Read a data set page by page and store what changed; return its state.

    What is stored goes only after a complete read that no longer holds it.

    Raises:
        LeaseLost: Somebody else has the tenant now; nothing more is written.
    """
    started = lease.clock.now()
    progress = _Progress(await records.fingerprints(name, tenant.ref), set())
    async for page in reader.pages(msp, tenant, name):
        if isinstance(page, Unreadable):
            return _unread(lease.state.data_set(name), page, lease.clock.now() - started)
        await lease.renew()
        await _write_changed(records, name, tenant.ref, page, progress)
    await lease.renew()
    await _delete_gone(records, lease, name, tenant.ref, progress)
    now = lease.clock.now()
    count = len(progress.stored)
    return DataSetState(name, ReadState.SUCCEEDED, count, now, _ms(now - started))


async def _write_changed(
    records: SyncedRecords,
    name: DataSet,
    ref: TenantRef,
    page: Sequence[SyncedRecord],
    progress: _Progress,
) -> None:
    # Graph may repeat a record within a page: the last one counts.
    latest = {record.key: record for record in page}
    digests = {key: fingerprint(record.document) for key, record in latest.items()}
    changed = [latest[key] for key, digest in digests.items() if progress.stored.get(key) != digest]
    if changed:
        await records.write(name, ref, changed)
    progress.stored |= digests
    progress.seen |= latest.keys()


async def _delete_gone(
    records: SyncedRecords, lease: Lease, name: DataSet, ref: TenantRef, progress: _Progress
) -> None:
    gone = sorted(progress.stored.keys() - progress.seen)
    if name is DataSet.SECURE_SCORE:
        # Graph forgets a score before we do.
        oldest = (lease.clock.now() - KEPT).date().isoformat()
        gone = [key for key in progress.stored if key.rpartition(":")[2] < oldest]
    if gone:
        await records.delete(name, ref, gone)
    for key in gone:
        del progress.stored[key]


def _unread(before: DataSetState, failure: Unreadable, taken: timedelta) -> DataSetState:
    """Keep the count and the time of the last good read: its rows are still there."""
    denied = failure.missing_permission is not None
    return replace(
        before,
        state=ReadState.NOT_AUTHORISED if denied else ReadState.FAILED,
        duration_ms=_ms(taken),
        missing_permission=failure.missing_permission,
        error=failure.error,
    )


def _ms(taken: timedelta) -> int:
    return round(taken.total_seconds() * 1000)
