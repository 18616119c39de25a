"""Due tenants: the schedule's entries up to now, each checked against the tenant's state.

A timer queues one message for each partition of the schedule. A message handles at most 250
entries, and queues another message for each further 250. So as many workers share the search as
it needs, and a small fleet's search stays cheap.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched
from zlib import crc32

from core.fan_out import send_each
from core.sweeps import for_each
from domain.errors import ConcurrentChange
from domain.identifiers import ScheduleRange, TenantRef
from domain.row_changes import Versioned
from domain.sync_request import is_under_way, scheduled
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.work_queues import FIND_DUE_TENANTS
from sync.cadences import next_due
from sync.lease import is_leased
from sync.sync_tenant import SyncPorts

_log = logging.getLogger(__name__)
_MAX_CONCURRENT = 16
# The entries of one message. An instance, which takes up to 24 messages at a time (`host.json`),
# finishes them within the timer's period.
MAX_PER_MESSAGE = 250
# Tenants that become due together are spread, so that Graph and storage are not overloaded.
# Each message has a share of the rate, because the partitions are searched at the same time.
MAX_PER_SECOND = 4


async def search_partitions(ports: SyncPorts) -> None:
    """Queue the search of each partition of the schedule.

    Raises:
        MessagesNotSent: Some could not be queued; the next run does.
    """
    await send_each(ports.requests.queues, FIND_DUE_TENANTS, ports.schedule.partitions())


async def find_due_tenants(ports: SyncPorts, within: ScheduleRange) -> int:
    """Queue a sync of the first due tenants of a range; return the number of tenants.

    What follows the first 250 entries is queued as further searches, before anything else. A search
    that is repeated, or that overlaps with another one, queues no tenant twice.
    """
    now = ports.clock.now()
    entries = [entry async for entry in ports.schedule.due(within, now)]
    searches = list(batched(entries, MAX_PER_MESSAGE, strict=False))
    others = [ports.schedule.between(part[0], part[-1]) for part in searches[1:]]
    await send_each(ports.requests.queues, FIND_DUE_TENANTS, others)
    return await _handle_entries(ports, entries[:MAX_PER_MESSAGE], now)


async def _handle_entries(ports: SyncPorts, entries: Sequence[ScheduledSync], now: datetime) -> int:
    """Handle each entry; a failure of one does not stop the others."""
    queued = 0

    async def handle(entry: ScheduledSync) -> None:
        nonlocal queued
        is_queued = await _handle_entry(ports, entry, now, queued // MAX_PER_SECOND)
        queued += is_queued  # Without an await in between, since other tasks add as well.

    def log(_: ScheduledSync, error: Exception) -> None:
        # After a concurrent change the entry is stale, and is removed next time.
        if not isinstance(error, ConcurrentChange):
            _log.error("a due tenant could not be queued", exc_info=error)

    await for_each(entries, handle, log, max_concurrent=_MAX_CONCURRENT)
    return queued


async def _handle_entry(ports: SyncPorts, entry: ScheduledSync, now: datetime, delay: int) -> bool:
    """Queue the sync, or remove or move the entry."""
    known = await ports.states.find(entry.ref)
    tenant = await _tenant(ports, entry.ref)
    is_stale = known is not None and known.value.due_at != entry.due_at
    if is_stale:
        await ports.schedule.remove(entry)
        return False
    if tenant is None:
        await _forget(ports, entry, known, now)
        return False
    if known and is_under_way(known.value, now):
        return False  # The entry stays, so that a crash of the worker is detected.
    state = known.value if known else None
    next_at = _next(ports, state, now) if tenant.is_synced else now + ports.interval
    # In whole seconds, as in the schedule: with only a fraction more it would be this same entry.
    later = scheduled(entry.ref, next_at)
    if later.due_at > now:
        await _reschedule(ports, known, later)
        await ports.schedule.remove(entry)
        return False
    is_queued = await ports.requests.request(entry.ref, now, delay, is_due=True)
    if is_queued:
        await ports.schedule.remove(entry)
    return is_queued


async def _forget(
    ports: SyncPorts, entry: ScheduledSync, known: Versioned[SyncState] | None, now: datetime
) -> None:
    """Remove a state that was left by a request after the tenant's purge.

    A state with a valid lease is kept, and so is its entry: a purge still has to read until when
    the lease is valid.
    """
    if known and is_leased(known.value, now):
        return
    await ports.states.remove(entry.ref)
    await ports.schedule.remove(entry)


async def _tenant(ports: SyncPorts, ref: TenantRef) -> Tenant | None:
    known = await ports.msps.find(Tenant, ref.msp_id, ref.tenant_id)
    return known.value if known and known.value.ref == ref else None


async def _reschedule(
    ports: SyncPorts, known: Versioned[SyncState] | None, later: ScheduledSync
) -> None:
    await ports.schedule.add(later)
    if known:  # For a tenant without a state, any entry is valid.
        await ports.states.replace(replace(known.value, due_at=later.due_at), known.version)


def _next(ports: SyncPorts, state: SyncState | None, now: datetime) -> datetime:
    """Return when to sync a tenant that no worker holds.

    After a lost request or a crashed worker, the sync is due at once; otherwise when the first of
    its data sets is. Tenants that were synced together are spread by up to a tenth of the time
    until then.
    """
    if state is None or not state.data_sets:
        return now
    if state.phase in (SyncPhase.PENDING, SyncPhase.RUNNING) or state.asked_again_at:
        return now
    due_at = next_due(state, ports.data_sets, ports.interval)
    return due_at + _stagger(state.ref, due_at - state.requested_at)


def _stagger(ref: TenantRef, pause: timedelta) -> timedelta:
    return max(pause, timedelta()) / 10 * (crc32(ref.tenant_id.encode()) % 1000) / 1000
