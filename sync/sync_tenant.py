"""Syncing one tenant under one lease: the small data sets in one batch, then the users."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from core.sync_requests import SyncRequests
from domain.errors import DomainError
from domain.identifiers import TenantRef
from domain.ports.clock import Clock
from domain.ports.graph_reader import INTERNAL_FAULT, GraphReader, Reading, TenantReader, Unreadable
from domain.ports.msp_store import MspStore
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.sync_state import DataSet, DataSetState, ReadState, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.work_queues import SYNC_TENANT
from sync.lease import Lease, LeaseLost, is_leased, take_lease
from sync.msp_profiles import MspProfiles
from sync.primary_domain import learn_domain
from sync.record_writer import RecordWriter
from sync.sync_metrics import measured, measured_tenant
from sync.user_index import IndexedUsers
from sync.users import sync_users
from sync.whole_data_set import sync_small_data_set, unread
from telemetry import count

_log = logging.getLogger(__name__)

# How long a sync may be postponed because Graph asks to wait.
MAX_SYNC_DELAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SyncPorts:
    """The ports of sync."""

    msps: MspStore
    states: SyncStates
    schedule: SyncSchedule
    records: SyncedRecords
    reader: GraphReader
    requests: SyncRequests
    profiles: MspProfiles
    clock: Clock
    user_index: UserIndex
    whole_reads: WholeReads


async def sync_tenant(ports: SyncPorts, ref: TenantRef) -> None:
    """Sync a tenant, unless it was removed, is not active, or another worker holds its lease."""
    lease = await take_lease(ports.states, ports.clock, ref)
    if lease is None:
        return
    try:
        await _sync(ports, lease)
    except LeaseLost:
        _log.info("sync stopped: another worker holds the lease, or the tenant was removed")
    except Exception:
        await lease.release()
        raise


async def _sync(ports: SyncPorts, lease: Lease) -> None:
    # Read under the lease: a removal from now on sees the lease, and purges again when it ends.
    ref = lease.state.ref
    tenant = await _active_tenant(ports.msps, ref)
    msp = await ports.profiles.get(ref.msp_id) if tenant else None
    if tenant is None or msp is None:
        await lease.release(is_queued=False)
        await _forget_what_is_gone(ports, ref)
        return
    reader = ports.reader.of(msp, tenant)
    wait = await _read(ports, lease, reader)
    if wait is None:
        phase = _phase(lease.state)
        if tenant.primary_domain is None and phase is not SyncPhase.FAILED:
            await learn_domain(ports.msps, reader, ref, ports.clock.now())
        await lease.end(phase)
        count("sync.tenants", outcome=str(phase))
        if lease.is_asked_again:
            await ports.requests.request(ref, ports.clock.now())
    else:
        await lease.postpone(ports.clock.now() + timedelta(seconds=wait))
        await ports.requests.queues.send(SYNC_TENANT, ref, delay_seconds=round(wait + 0.5))


async def _read(ports: SyncPorts, lease: Lease, reader: TenantReader) -> float | None:
    """Read every data set; return the seconds to wait if Graph asked to wait, else None."""
    with measured_tenant(lease.state.ref, reader.cost):
        readings = await reader.small_data_sets()
        waits = [
            wait
            for name in DataSet
            if (wait := await _read_one(ports, lease, name, reader, readings.get(name))) is not None
        ]
    return max(waits, default=None)


async def _read_one(
    ports: SyncPorts, lease: Lease, name: DataSet, reader: TenantReader, reading: Reading | None
) -> float | None:
    """Read a data set and keep its state; return the seconds to wait if Graph asked to wait."""
    indexed = IndexedUsers(ports.user_index, RecordWriter(ports.records, lease, name))
    try:
        state = await _data_set(ports, indexed, reader, reading)
    except Unreadable as failure:
        if failure.retry_after is not None and _may_wait(lease, failure.retry_after):
            return failure.retry_after
        state = unread(indexed.rows.state, failure)
    except (LeaseLost, DomainError):
        raise  # The error does not concern this data set only.
    except Exception:  # noqa: BLE001  a bug in one data set must not stop the others
        _log.exception("%s of a tenant could not be synced", name)
        state = unread(indexed.rows.state, Unreadable(INTERNAL_FAULT))
    await lease.note_data_set(state)
    return None


def _may_wait(lease: Lease, seconds: float) -> bool:
    waited = lease.clock.now() - lease.state.requested_at
    return waited.total_seconds() + seconds < MAX_SYNC_DELAY.total_seconds()


async def _data_set(
    ports: SyncPorts, indexed: IndexedUsers, reader: TenantReader, reading: Reading | None
) -> DataSetState:
    rows = indexed.rows
    started = rows.lease.clock.now()
    with measured(rows, reader.cost):
        if reading is None:
            state = await sync_users(indexed, reader, ports.whole_reads)
        else:
            state = await sync_small_data_set(rows, reading)
    taken = rows.lease.clock.now() - started
    return replace(state, duration_ms=round(taken.total_seconds() * 1000))


async def _forget_what_is_gone(ports: SyncPorts, ref: TenantRef) -> None:
    """Remove the state of a removed tenant that was left by a late request.

    A state with a lease is kept: the purge still has to see it, to run again after the lease.
    """
    tenant = await ports.msps.find(Tenant, ref.msp_id, ref.tenant_id)
    if tenant is not None and tenant.value.ref == ref:
        return
    state = await ports.states.find(ref)
    if state is not None and not is_leased(state.value, ports.clock.now()):
        await ports.states.remove(ref)


async def _active_tenant(msps: MspStore, ref: TenantRef) -> Tenant | None:
    known = await msps.find(Tenant, ref.msp_id, ref.tenant_id)
    if known is None or known.value.ref != ref or not known.value.is_synced:
        return None
    return known.value


def _phase(state: SyncState) -> SyncPhase:
    good = [entry.state is ReadState.SUCCEEDED for entry in state.data_sets]
    if all(good):
        return SyncPhase.SUCCEEDED
    return SyncPhase.PARTIAL if any(good) else SyncPhase.FAILED
