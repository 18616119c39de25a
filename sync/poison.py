"""A sync message that failed five times: shown on the tenant and in the audit log."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from domain.audit import SYSTEM, Cause
from domain.changes import Insert
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.sync_state import SyncPhase
from edge.telemetry import count
from sync.lease import OPEN, is_leased
from sync.sync_tenant import SyncPorts


async def record_failed_sync(ports: SyncPorts, ref: TenantRef, request_id: str) -> None:
    """Mark the tenant's sync as failed; the timer tries again when it is due."""
    now = ports.clock.now()
    await _mark_failed(ports, ref, now)
    event = Cause(SYSTEM, now, request_id).event(
        ref.msp_id, "sync.failed", tenant_id=ref.tenant_id, outcome="failed"
    )
    await ports.msps.commit((Insert(event),))
    count("work.poisoned", work="sync-tenant")
    count("sync.tenants", outcome=str(SyncPhase.FAILED))


async def _mark_failed(ports: SyncPorts, ref: TenantRef, now: datetime) -> None:
    known = await ports.states.find(ref)
    if known is None or known.value.phase not in OPEN or is_leased(known.value, now):
        return  # A later sync is under way or has ended, and its end is what counts.
    failed = replace(known.value, phase=SyncPhase.FAILED, lease_until=None, last_synced_at=now)
    with suppress(ConcurrentChange):  # likewise
        await ports.states.replace(failed, known.version)
