"""Asking for a sync, once: what is queued is not queued again, and one that runs is followed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.changes import Versioned
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports import Queues, SyncSchedule, SyncStates
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant

# A message that was not taken by then may be lost, and is sent again: after three minutes, then
# after six, twelve, …, so that a queue that is merely long does not grow by itself.
QUEUED_FOR = timedelta(minutes=3)


def is_under_way(state: SyncState, now: datetime) -> bool:
    """Tell whether a sync is queued, put off, or running under a live lease."""
    if state.phase is not SyncPhase.PENDING:
        return state.lease_until is not None and state.lease_until > now
    put_off = state.not_before is not None and now < state.not_before + QUEUED_FOR
    return put_off or (state.queued_until is not None and now < state.queued_until)


def scheduled(ref: TenantRef, moment: datetime) -> ScheduledSync:
    """Return a schedule's entry at a moment, in whole seconds as the schedule keeps it."""
    return ScheduledSync(ref, moment.replace(microsecond=0))


def first_sync(tenant: Tenant) -> ScheduledSync:
    """Return a new tenant's entry: it is found there though nobody should ask for its sync."""
    return scheduled(tenant.ref, tenant.created_at + QUEUED_FOR)


@dataclass(frozen=True, slots=True)
class SyncRequests:
    """Puts syncs on the queue."""

    states: SyncStates
    schedule: SyncSchedule
    queues: Queues

    async def request(self, ref: TenantRef, now: datetime, delay_seconds: int = 0) -> None:
        """Queue a sync of the tenant; while one runs, note that another is to follow it.

        The schedule is written first, then the state, then the message: one that is lost is
        found when its entry is due.
        """
        known = await self.states.find(ref)
        while known and is_under_way(known.value, now):
            if known.value.phase is SyncPhase.PENDING or known.value.asked_again_at:
                return
            try:
                noted = replace(known.value, asked_again_at=now)
                await self.states.replace(noted, known.version)
            except ConcurrentChange:  # The worker has shown how far it is, or has ended.
                known = await self.states.find(ref)
            else:
                return
        pending = _pending(ref, known, now)
        check = scheduled(ref, now + max(QUEUED_FOR, now - pending.requested_at))
        await self.schedule.add(check)
        try:
            queued = replace(pending, due_at=check.due_at, queued_until=check.due_at)
            await self._write(queued, known)
        except ConcurrentChange:
            return  # Somebody else asked at the same moment, and queues it.
        await self.queues.sync_tenant(ref, delay_seconds)

    async def _write(self, state: SyncState, known: Versioned[SyncState] | None) -> None:
        if known:
            await self.states.replace(state, known.version)
        else:
            await self.states.add(state)


def _pending(ref: TenantRef, known: Versioned[SyncState] | None, now: datetime) -> SyncState:
    if known is None:
        return SyncState(ref, SyncPhase.PENDING, now)
    if known.value.phase is SyncPhase.PENDING:
        return known.value  # The same request, asked for again.
    return replace(
        known.value,
        phase=SyncPhase.PENDING,
        requested_at=now,
        lease_until=None,
        asked_again_at=None,
    )
