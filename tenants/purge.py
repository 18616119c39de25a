"""The purge: deletes everything that a removed tenant owned, in repeatable steps.

A step is small enough for one invocation. If records are left, another message continues.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from core.operations.purge import OPERATIONS_AT_ONCE, remove_operations
from core.remove_tenant import RemovalPorts
from domain.audit import SYSTEM, Cause
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWork
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.row_changes import Insert
from domain.tenant import Tenant
from domain.work_queues import PURGE_TENANT
from telemetry import count

_log = logging.getLogger(__name__)
_BATCH = 1000
# Progress is audited at this many rows, then at twice as many, and so on: always only a few events.
_FIRST_REPORTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgePorts(RemovalPorts):
    """The ports of a purge."""

    sync_states: SyncStates
    records: SyncedRecords
    tenant_data: TenantData
    clock: Clock
    user_index: UserIndex
    whole_reads: WholeReads


@dataclass(frozen=True, slots=True)
class Pace:
    """How much one message may delete; this takes much less than an invocation may last."""

    rows: int = 20_000
    time: timedelta = timedelta(seconds=60)


async def purge_tenant(
    ports: PurgePorts, ref: TenantRef, request_id: str, pace: Pace | None = None
) -> None:
    """Delete records of one life of a tenant: all of them, or as many as the pace allows.

    Nothing is deleted while the row exists in this life: its removal was not committed. A later
    life has another epoch, so its records cannot be deleted.
    """
    if await _still_there(ports.msps, ref):
        return
    known = await ports.pending_work.find(PURGE_TENANT, ref)
    before = known or PendingWork(PURGE_TENANT, ref, ports.clock.now())
    stopped = await _stop_writer(ports, before)
    after, is_empty = await _delete_some(ports, stopped, pace or Pace())
    if not is_empty or _may_be_written_to(after, ports.clock.now()):
        await _continue(ports, after, request_id, is_empty=is_empty)
        await _record_progress(ports, before, after, request_id)
    elif known or _count(after):  # Otherwise the message was delivered twice.
        await _record_event(ports, after, "tenant.purged", request_id)
        await ports.pending_work.drop(PURGE_TENANT, ref)
        count("purges.completed")


async def _still_there(msps: MspStore, ref: TenantRef) -> bool:
    known = await msps.find(Tenant, ref.msp_id, ref.tenant_id)
    return known is not None and known.value.epoch == ref.epoch


async def _stop_writer(ports: PurgePorts, progress: PendingWork) -> PendingWork:
    """Delete the sync's state, so that the worker that holds the lease can no longer renew it.

    The end of the lease, until which that worker may still write, is stored first, so that a crash
    does not lose it.
    """
    ref = _ref(progress)
    state = await ports.sync_states.find(ref)
    if state is None:
        return progress
    until = state.value.lease_until
    if until is not None and until > (progress.writer_until or until - timedelta(1)):
        progress = replace(progress, writer_until=until)
        await ports.pending_work.record(progress)
    try:
        await ports.sync_states.remove(ref, state.version)
    except ConcurrentChange:
        return await _stop_writer(ports, progress)  # A worker has taken the lease meanwhile.
    return progress


def _may_be_written_to(progress: PendingWork, now: datetime) -> bool:
    return progress.writer_until is not None and progress.writer_until > now


async def _delete_some(
    ports: PurgePorts, progress: PendingWork, pace: Pace
) -> tuple[PendingWork, bool]:
    """Delete as much as the pace allows; return the progress, and whether nothing is left."""
    await ports.whole_reads.forget(_ref(progress))
    await ports.user_index.purge(_ref(progress))  # A row has hundreds of users: all in one step.
    counts, rows = Counter(dict(progress.deleted)), 0
    end, is_empty = ports.clock.now() + pace.time, True
    for name, batch, delete in _kinds_of_rows(ports, _ref(progress)):
        count = batch
        while count == batch:
            # A step deletes at least one batch; otherwise a purge of slow storage would never end.
            if rows and (rows >= pace.rows or ports.clock.now() >= end):
                is_empty = False
                break
            count = await delete()
            rows, counts[name] = rows + count, counts[name] + count
    return replace(progress, deleted=tuple(sorted(counts.items()))), is_empty


def _kinds_of_rows(
    ports: PurgePorts, ref: TenantRef
) -> Iterator[tuple[str, int, Callable[[], Awaitable[int]]]]:
    """Yield the name of each kind, and how to delete a batch of it of how many rows."""
    yield "operations", OPERATIONS_AT_ONCE, partial(remove_operations, ports.msps, ref)
    yield "users", _BATCH, partial(ports.records.purge, ref, _BATCH)
    yield "tenantData", _BATCH, partial(ports.tenant_data.purge, ref, _BATCH)


async def _continue(
    ports: PurgePorts, progress: PendingWork, request_id: str, *, is_empty: bool
) -> None:
    """Queue the next step: at once, or for the time when the lease's holder may no longer write."""
    ref, now = _ref(progress), ports.clock.now()
    _log.info("the purge of a tenant continues, message %s", request_id)
    if not is_empty or progress.writer_until is None:
        await ports.pending_work.record(replace(progress, queued_at=now))
        await ports.queues.send(PURGE_TENANT, ref)
        return
    await ports.pending_work.record(replace(progress, queued_at=progress.writer_until))
    delay = int((progress.writer_until - now).total_seconds()) + 1
    await ports.queues.send(PURGE_TENANT, ref, delay_seconds=delay)


async def _record_progress(
    ports: PurgePorts, before: PendingWork, after: PendingWork, request_id: str
) -> None:
    if _times_doubled(after) > _times_doubled(before):
        await _record_event(ports, after, "tenant.purge_progress", request_id)


def _times_doubled(progress: PendingWork) -> int:
    return (_count(progress) // _FIRST_REPORTED).bit_length()


def _count(progress: PendingWork) -> int:
    return sum(count for _name, count in progress.deleted)


async def _record_event(
    ports: PurgePorts, progress: PendingWork, action: str, request_id: str
) -> None:
    ref, cause = _ref(progress), Cause(SYSTEM, ports.clock.now(), request_id)
    event = cause.event(ref.msp_id, action, tenant_id=ref.tenant_id, before=dict(progress.deleted))
    await ports.msps.commit((Insert(event),))


def _ref(progress: PendingWork) -> TenantRef:
    if not isinstance(progress.subject, TenantRef):
        raise TypeError("a purge is of a tenant")
    return progress.subject
