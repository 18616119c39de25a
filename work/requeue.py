"""Requeueing: overdue pending work is queued again."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from core.remove_tenant import RemovalPorts
from domain.identifiers import TenantRef
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWork
from domain.tenant import Tenant
from domain.work_queues import PURGE_TENANT

_log = logging.getLogger(__name__)

# Longer than any invocation can run: a decision of this age is committed, or never will be.
_UNCOMMITTED = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPorts(RemovalPorts):
    """The ports of the area."""

    clock: Clock


async def requeue_work(ports: WorkPorts, after: timedelta) -> int:
    """Queue all pending work again whose message is older than `after`; return the number.

    An extra message is harmless, since all work can be repeated. A failure with one piece of work
    does not stop the others.
    """
    now, count = ports.clock.now(), 0
    async for work in ports.pending_work.queued_before(now - after):
        try:
            # Only the time is rewritten, so that progress made meanwhile is kept.
            again = PendingWork(work.queue, work.subject, now)
            count += await _requeue(ports, again, now - work.queued_at)
        except Exception:  # noqa: BLE001  one piece's failure must not hold up another's
            _log.exception("pending work could not be queued again: %s", work.queue.name)
    return count


async def _requeue(ports: WorkPorts, work: PendingWork, age: timedelta) -> bool:
    if work.queue is PURGE_TENANT and await _is_undecided(ports.msps, work):
        if age > _UNCOMMITTED:
            await ports.pending_work.drop(work.queue, work.subject)
        return False
    await ports.pending_work.record(work)
    await ports.queues.send(work.queue, work.subject)
    return True


async def _is_undecided(msps: MspStore, work: PendingWork) -> bool:
    """Return whether a tenant still has its row: its removal was started, but not committed."""
    ref = work.subject
    if not isinstance(ref, TenantRef):
        return False
    known = await msps.find(Tenant, ref.msp_id, ref.tenant_id)
    return known is not None and known.value.epoch == ref.epoch
