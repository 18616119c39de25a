"""Syncing one tenant: each data set in turn, under one lease."""

import logging
from dataclasses import dataclass

from domain.identifiers import TenantRef
from domain.ports import Clock, GraphReader, MspStore, Queues, SyncedRecords, SyncStates
from domain.sync_state import DataSet, ReadState, SyncPhase, SyncState
from domain.tenant import Tenant, TenantStatus
from sync.data_set import sync_data_set
from sync.lease import Lease, LeaseLost, is_leased, take_lease

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncPorts:
    """What sync needs from outside."""

    msps: MspStore
    states: SyncStates
    records: SyncedRecords
    reader: GraphReader
    queues: Queues
    clock: Clock


async def sync_tenant(ports: SyncPorts, ref: TenantRef) -> None:
    """Sync a tenant, unless it is gone, not active, or in another worker's hands."""
    if await _active_tenant(ports.msps, ref) is None:
        await _forget_what_is_gone(ports, ref)
        return
    lease = await take_lease(ports.states, ports.clock, ref)
    if lease is None:
        return
    try:
        await _sync(ports, lease)
    except LeaseLost:
        _log.info("the sync stopped: its lease is somebody else's, or the tenant was removed")
    except Exception:
        await lease.let_go()
        raise


async def _sync(ports: SyncPorts, lease: Lease) -> None:
    # Read again under the lease: a removal from now on sees it, and purges once more after it.
    ref = lease.state.ref
    tenant = await _active_tenant(ports.msps, ref)
    head = await ports.msps.head(ref.msp_id)
    if tenant is None or head is None:
        await lease.let_go()
        await _forget_what_is_gone(ports, ref)
        return
    for name in DataSet:
        state = await sync_data_set(
            ports.records, ports.reader, lease, head.msp.value, tenant, name
        )
        await lease.record(state)
    await _end(lease)


async def _forget_what_is_gone(ports: SyncPorts, ref: TenantRef) -> None:
    """Remove the state of a removed tenant, which a request made too late has left.

    A purge has yet to see a state with a lease: it tells it to come back.
    """
    tenant = await ports.msps.tenant(ref.msp_id, ref.tenant_id)
    if tenant is not None and tenant.value.ref == ref:
        return
    state = await ports.states.find(ref)
    if state is not None and not is_leased(state.value, ports.clock.now()):
        await ports.states.remove(ref)


async def _active_tenant(msps: MspStore, ref: TenantRef) -> Tenant | None:
    known = await msps.tenant(ref.msp_id, ref.tenant_id)
    if known is None or known.value.ref != ref or known.value.status is not TenantStatus.ACTIVE:
        return None
    return known.value


async def _end(lease: Lease) -> None:
    phase = _phase(lease.state)
    await lease.end(phase, read_something=phase is not SyncPhase.FAILED)


def _phase(state: SyncState) -> SyncPhase:
    good = [entry.state is ReadState.SUCCEEDED for entry in state.data_sets]
    if all(good):
        return SyncPhase.SUCCEEDED
    return SyncPhase.PARTIAL if any(good) else SyncPhase.FAILED
