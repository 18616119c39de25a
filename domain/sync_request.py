"""Asking for a sync, once: what is queued or running is not queued again."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports import Queues, SyncStates
from domain.sync_state import SyncPhase, SyncState

# A message that was not taken by then is lost or stuck, and is sent again.
QUEUED_FOR = timedelta(minutes=3)


def is_under_way(state: SyncState, now: datetime) -> bool:
    """Tell whether a sync is queued, or running under a live lease."""
    if state.phase is SyncPhase.PENDING:
        return now - state.requested_at < QUEUED_FOR
    return state.lease_until is not None and state.lease_until > now


async def request_sync(states: SyncStates, queues: Queues, ref: TenantRef, now: datetime) -> None:
    """Queue a sync of the tenant unless one is under way.

    The state is written first: a request whose message is lost is found by the timer.
    """
    known = await states.find(ref)
    if known and is_under_way(known.value, now):
        return
    try:
        if known:
            pending = replace(
                known.value, phase=SyncPhase.PENDING, requested_at=now, lease_until=None
            )
            await states.replace(pending, known.version)
        else:
            await states.add(SyncState(ref, SyncPhase.PENDING, requested_at=now))
    except ConcurrentChange:
        return  # Somebody else asked at the same moment, and queues it.
    await queues.sync_tenant(ref)
