"""The search for due tenants, as the messages of one run of the timer do it."""

from collections.abc import AsyncIterator
from datetime import datetime

from domain.ports.sync_schedule import SyncSchedule
from domain.sync_state import ScheduledSync
from sync.due_tenants import find_due_tenants
from sync.sync_tenant import SyncPorts


async def find_due(ports: SyncPorts) -> int:
    """Search every partition; return the number of tenants whose sync was queued."""
    partitions = ports.schedule.partitions()
    return sum([await find_due_tenants(ports, within) for within in partitions])


async def due_entries(schedule: SyncSchedule, now: datetime) -> AsyncIterator[ScheduledSync]:
    """Yield the entries of every partition up to now."""
    for within in schedule.partitions():
        async for entry in schedule.due(within, now):
            yield entry
