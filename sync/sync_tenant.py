"""Syncing one tenant: reading what is due, under one lease."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from core.data_sets.security import SIGN_INS
from core.sync_requests import SyncRequests
from domain.data_set import Cadence, DataSet
from domain.identifiers import TenantRef
from domain.operation import BreakGlassAccounts
from domain.ports.clock import Clock
from domain.ports.graph_reader import GraphReader
from domain.ports.msp_store import MspStore
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.sync_state import ReadState, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.work_queues import SYNC_TENANT
from sync.cadences import due_data_sets
from sync.due_reads import DueReads, ReadPorts
from sync.lease import Lease, LeaseLost, is_leased, open_lease
from sync.msp_profiles import MspProfiles
from sync.primary_domain import learn_domain
from telemetry import count

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncPorts:
    """The ports of sync.

    Args:
        data_sets: What is read.
        interval: The time between two reads of a data set of the regular cadence.
    """

    msps: MspStore
    states: SyncStates
    schedule: SyncSchedule
    records: SyncedRecords
    tenant_data: TenantData
    reader: GraphReader
    requests: SyncRequests
    profiles: MspProfiles
    clock: Clock
    user_index: UserIndex
    whole_reads: WholeReads
    data_sets: Collection[DataSet]
    interval: timedelta

    @property
    def reads(self) -> ReadPorts:
        """The ports for reading."""
        return ReadPorts(
            records=self.records,
            tenant_data=self.tenant_data,
            user_index=self.user_index,
            whole_reads=self.whole_reads,
            data_sets=self.data_sets,
            interval=self.interval,
        )


async def sync_tenant(ports: SyncPorts, ref: TenantRef) -> None:
    """Sync a tenant, unless it was removed, is not active, or another worker holds its lease."""
    lease = await open_lease(ports.states, ports.clock, ref)
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
    # A removal from now on removes the row, so that this worker cannot take the lease any more.
    ref = lease.state.ref
    tenant = await _active_tenant(ports.msps, ref)
    msp = await ports.profiles.get(ref.msp_id) if tenant else None
    if tenant is None or msp is None:
        await lease.release(is_queued=False)
        await _forget_what_is_gone(ports, ref)
        return
    await _learn_watched(ports, lease)
    reads = DueReads(ports.reads, lease, ports.reader.of(msp, tenant))
    wait = await reads.run()
    if wait is not None:
        await lease.postpone(ports.clock.now() + timedelta(seconds=wait))
        await ports.requests.queues.send(SYNC_TENANT, ref, delay_seconds=round(wait + 0.5))
        return
    phase = _phase(lease.state)
    if tenant.primary_domain is None and phase is not SyncPhase.FAILED:
        await learn_domain(ports.msps, reads.reader, ref, ports.clock.now())
    shown = ports.clock.now() if reads.has_read_first_sets else lease.state.last_synced_at
    await lease.end(phase, shown)
    count("sync.tenants", outcome=str(phase))
    if lease.is_asked_again or lease.is_wanted_since(reads.began):
        await ports.requests.request(ref, ports.clock.now(), is_due=True)


async def _learn_watched(ports: SyncPorts, lease: Lease) -> None:
    """Look up the accounts whose sign-ins are read, at the regular cadence."""
    state, ref = lease.state, lease.state.ref
    due = due_data_sets(state, ports.data_sets, ports.clock.now(), ports.interval)
    if SIGN_INS not in due or not any(one.cadence is Cadence.REGULAR for one in due):
        return
    found = await ports.msps.find(BreakGlassAccounts, ref.msp_id, ref.tenant_id, ref.epoch)
    watched = found.value.user_ids if found else ()
    if set(watched) - set(state.access.watched):
        lease.read_from_the_start(SIGN_INS.name)
    lease.set_access(replace(state.access, watched=watched))


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
    """Return the state of the sync: that of the data sets that are shown with the tenant.

    What is not licensed does not exist, so it is not a failure.
    """
    states = [entry.state for entry in state.first_sets]
    good = [one in (ReadState.SUCCEEDED, ReadState.NOT_LICENSED) for one in states]
    if all(good):
        return SyncPhase.SUCCEEDED
    return SyncPhase.PARTIAL if any(good) else SyncPhase.FAILED
