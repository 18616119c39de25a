"""A sync message that failed five times: shown on the tenant and in the audit log."""

from dataclasses import replace

from domain.audit import SYSTEM, Cause
from domain.changes import Insert
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.sync_state import SyncPhase
from sync.sync_tenant import SyncPorts


async def record_failed_sync(ports: SyncPorts, ref: TenantRef, request_id: str) -> None:
    """Mark the tenant's sync as failed; the timer tries again when it is due."""
    now = ports.clock.now()
    known = await ports.states.find(ref)
    if known:
        failed = replace(known.value, phase=SyncPhase.FAILED, lease_until=None, last_synced_at=now)
        try:
            await ports.states.replace(failed, known.version)
        except ConcurrentChange:
            return  # A later sync is under way, and its end is what counts.
    event = Cause(SYSTEM, now, request_id).event(
        ref.msp_id, "sync.failed", tenant_id=ref.tenant_id, outcome="failed"
    )
    await ports.msps.commit((Insert(event),))
