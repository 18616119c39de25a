"""Requests for a sync.

A sync that is queued is not queued again. If one is running, another follows it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports.queues import Queues
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.row_changes import Versioned
from domain.sync_request import QUEUED_FOR, is_under_way, scheduled
from domain.sync_state import SyncPhase, SyncState
from domain.work_queues import SYNC_TENANT

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class SyncRequests:
    """Queues syncs."""

    states: SyncStates
    schedule: SyncSchedule
    queues: Queues

    async def request(
        self, ref: TenantRef, now: datetime, delay_seconds: int = 0, *, is_due: bool = False
    ) -> bool:
        """Queue a sync of the tenant; if one is running, record that another must follow it.

        Args:
            is_due: Whether the schedule asks, so that only what is due is read. Otherwise what was
                read earlier is read again.

        Returns:
            Whether it was queued by this call, with a new entry in the schedule.

        Raises:
            ConcurrentChange: The tenant's state was changed by others at every attempt.
        """
        for _ in range(_ATTEMPTS):
            known = await self.states.find(ref)
            wanted_at = known.value.wanted_at if is_due and known else now
            try:
                if known is None or not is_under_way(known.value, now):
                    pending = replace(_pending(ref, known, now), wanted_at=wanted_at)
                    await self._queue(pending, known, now, delay_seconds)
                    return True
                await self._let_follow(known, now, wanted_at)
            except ConcurrentChange:
                continue  # A worker, the timer or another request was first: read again.
            return False
        raise ConcurrentChange("The tenant's sync changes all the time.")

    async def _queue(
        self,
        pending: SyncState,
        known: Versioned[SyncState] | None,
        now: datetime,
        delay_seconds: int,
    ) -> None:
        """Write the schedule entry, then the state, then the message.

        If the message is lost, the timer queues it again when the entry is due.
        """
        check = scheduled(pending.ref, now + max(QUEUED_FOR, now - pending.requested_at))
        await self.schedule.add(check)
        queued = replace(pending, due_at=check.due_at, queued_until=check.due_at)
        await self._write(queued, known)
        await self.queues.send(SYNC_TENANT, pending.ref, delay_seconds)

    async def _let_follow(
        self, known: Versioned[SyncState], now: datetime, wanted_at: datetime | None
    ) -> None:
        """Record what the queued sync must read, or that another must follow the running one."""
        state = replace(known.value, wanted_at=wanted_at)
        if state.phase is not SyncPhase.PENDING and state.asked_again_at is None:
            state = replace(state, asked_again_at=now)
        if state != known.value:
            await self.states.replace(state, known.version)

    async def _write(self, state: SyncState, known: Versioned[SyncState] | None) -> None:
        if known:
            await self.states.replace(state, known.version)
        else:
            await self.states.add(state)


def _pending(ref: TenantRef, known: Versioned[SyncState] | None, now: datetime) -> SyncState:
    if known is None:
        return SyncState(ref, SyncPhase.PENDING, now)
    if known.value.phase is SyncPhase.PENDING:
        return known.value  # The same request, made again.
    return replace(
        known.value,
        phase=SyncPhase.PENDING,
        requested_at=now,
        lease_until=None,
        asked_again_at=None,
    )
