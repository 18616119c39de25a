"""Redelivery: queues anew what is on record as work and should have been done by now."""

import logging
from datetime import timedelta

from domain.identifiers import SessionRef, TenantRef
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWork, PendingWorkStore, WorkKind
from domain.ports.queues import Queues
from domain.tenant import Tenant

_log = logging.getLogger(__name__)

# Longer than any invocation lives: what was decided by then is committed, or never will be.
_UNCOMMITTED = timedelta(minutes=30)


async def requeue_work(
    msps: MspStore, pending_work: PendingWorkStore, queues: Queues, clock: Clock, after: timedelta
) -> int:
    """Queue every intent anew whose message is older than `after`; return how many.

    A message too many does no harm, since each piece of work can be repeated. One intent's
    trouble never holds up another's.
    """
    now, count = clock.now(), 0
    async for intent in pending_work.queued_before(now - after):
        try:
            # Only the time is written anew: progress that was made meanwhile is not undone.
            again = PendingWork(intent.kind, intent.subject, now)
            count += await _requeue(msps, pending_work, queues, again, now - intent.queued_at)
        except Exception:  # noqa: BLE001  one intent's trouble must not hold up another's
            _log.exception("work could not be queued anew: %s", intent.kind)
    return count


async def _requeue(
    msps: MspStore,
    pending_work: PendingWorkStore,
    queues: Queues,
    intent: PendingWork,
    age: timedelta,
) -> bool:
    match intent.kind, intent.subject:
        case WorkKind.PURGE_TENANT, TenantRef() as ref:
            if await _has_its_row(msps, ref):
                if age > _UNCOMMITTED:
                    await pending_work.drop(intent.kind, ref)
                return False
            await pending_work.record(intent)
            await queues.purge_tenant(ref)
        case WorkKind.COMPLETE_CONSENT, SessionRef() as session:
            await pending_work.record(intent)
            await queues.complete_consent(session)
        case _:
            _log.warning("work that nobody here does stays on record: %s", intent.kind)
            return False
    return True


async def _has_its_row(msps: MspStore, ref: TenantRef) -> bool:
    """Tell whether the removal was decided and not committed."""
    known = await msps.find(Tenant, ref.msp_id, ref.tenant_id)
    return known is not None and known.value.epoch == ref.epoch
