"""Asking for a sync, once: what is queued is not queued again, and one that runs is followed."""

from datetime import datetime, timedelta

from domain.identifiers import TenantRef
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
