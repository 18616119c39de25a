"""When each tenant is synced next."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from domain.identifiers import ScheduleRange
from domain.sync_state import ScheduledSync


class SyncSchedule(Protocol):
    """When to check each tenant's sync next: an index by time over the tenants of all MSPs.

    A tenant's current entry is the one that its state names; other entries are stale. A tenant
    without a state also has an entry, which is written when the tenant's row is inserted.

    The entries are distributed over partitions, which can be searched at the same time.
    """

    async def add(self, entry: ScheduledSync) -> None:
        """Write an entry; it is no error if it already exists."""
        ...

    async def remove(self, entry: ScheduledSync) -> None:
        """Delete an entry; it is no error if it does not exist."""
        ...

    def partitions(self) -> Sequence[ScheduleRange]:
        """Return every partition, each as the range of all of its entries."""
        ...

    def between(self, first: ScheduledSync, last: ScheduledSync) -> ScheduleRange:
        """Return the range from one entry of a partition to another, both included."""
        ...

    def due(self, within: ScheduleRange, now: datetime) -> AsyncIterator[ScheduledSync]:
        """Yield the range's entries up to now, oldest first."""
        ...
