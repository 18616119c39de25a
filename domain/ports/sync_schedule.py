"""When each tenant is synced next."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from domain.sync_state import ScheduledSync


class SyncSchedule(Protocol):
    """When to look at each tenant's sync next: an index by time over every MSP's tenants.

    A tenant's live entry is the one that its state names; others are stale. A tenant without a
    state has an entry all the same, since the one that inserts its row writes one.
    """

    async def add(self, entry: ScheduledSync) -> None:
        """Write an entry; one that is there already is no error."""
        ...

    async def remove(self, entry: ScheduledSync) -> None:
        """Delete an entry; one that is gone is no error."""
        ...

    def due(self, now: datetime) -> AsyncIterator[ScheduledSync]:
        """Yield the entries up to now, however many MSPs there are, the oldest among the first.

        Whoever takes only some of them leaves no tenant waiting for ever.
        """
        ...
