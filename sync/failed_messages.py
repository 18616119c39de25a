"""A sync whose message failed five times: recorded as failed in the tenant's state."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.sync_state import SyncPhase
from sync.lease import OPEN, is_leased
from sync.sync_tenant import SyncPorts
from telemetry import count


async def record_failed_sync(ports: SyncPorts, ref: TenantRef) -> None:
    """Mark the tenant's sync as failed; the timer tries again when it is due."""
    await _mark_failed(ports, ref, ports.clock.now())
    count("sync.tenants", outcome=str(SyncPhase.FAILED))


async def _mark_failed(ports: SyncPorts, ref: TenantRef, now: datetime) -> None:
    known = await ports.states.find(ref)
    if known is None or known.value.phase not in OPEN or is_leased(known.value, now):
        return  # A later sync is running or has ended, and its result counts.
    failed = replace(known.value, phase=SyncPhase.FAILED, lease_until=None, last_synced_at=now)
    with suppress(ConcurrentChange):  # a later sync, as above
        await ports.states.replace(failed, known.version)
