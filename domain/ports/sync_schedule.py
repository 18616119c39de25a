"""When each tenant is synced next."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from domain.sync_state import ScheduledSync


class SyncSchedule(Protocol):
    """When to check each tenant's sync next: an index by time over the tenants of all MSPs.

    A tenant's current entry is the one that its state names; other entries are stale. A tenant
    without a state also has an entry, which is written when the tenant's row is inserted.
    """

    async def add(self, entry: ScheduledSync) -> None:
        """Write an entry; it is no error if it already exists."""
        ...

    async def remove(self, entry: ScheduledSync) -> None:
        """Delete an entry; it is no error if it does not exist."""
        ...

    def due(self, now: datetime) -> AsyncIterator[ScheduledSync]:
        """Yield the entries up to now for any number of MSPs, the oldest among the first.

        So a caller that takes only some of them does not leave any tenant waiting indefinitely.
        """
        ...
