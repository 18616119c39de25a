"""Rules for requesting a sync.

A sync that is queued is not queued again. If one is running, another follows it.
"""

from datetime import datetime, timedelta

from domain.identifiers import TenantRef
from domain.sync_state import ScheduledSync, SyncPhase, SyncState
from domain.tenant import Tenant

# A message that no worker has taken within this time may be lost, and is sent again: three
# minutes after the request, then after six, twelve, … The growing intervals keep a queue that
# is only long from growing further.
QUEUED_FOR = timedelta(minutes=3)


def is_under_way(state: SyncState, now: datetime) -> bool:
    """Return whether a sync is queued, postponed, or running under a valid lease."""
    if state.phase is not SyncPhase.PENDING:
        return state.lease_until is not None and state.lease_until > now
    put_off = state.not_before is not None and now < state.not_before + QUEUED_FOR
    return put_off or (state.queued_until is not None and now < state.queued_until)


def scheduled(ref: TenantRef, moment: datetime) -> ScheduledSync:
    """Return a schedule entry for a moment, in whole seconds as the schedule stores it."""
    return ScheduledSync(ref, moment.replace(microsecond=0))


def first_sync(tenant: Tenant) -> ScheduledSync:
    """Return a new tenant's entry; the timer finds it even if nothing requests a sync."""
    return scheduled(tenant.ref, tenant.created_at + QUEUED_FOR)
