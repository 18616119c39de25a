"""Pending work: recorded until it is done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.work_queues import Recorded, WorkQueue


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work to do. It is recorded before its transaction and kept until the work is done.

    Args:
        queue: Whose messages ask for it.
        queued_at: When its message was last put on the queue, or when it was recorded.
        deleted: Of a purge: how many records are gone so far, by kind.
        writer_until: Of a purge: until when a sync may still write what is to be deleted.
    """

    queue: WorkQueue[Any]
    subject: Recorded
    queued_at: datetime
    deleted: tuple[tuple[str, int], ...] = ()
    writer_until: datetime | None = None


class PendingWorkStore(Protocol):
    """The `pendingWork` table: a queue message is never the only record of work to do."""

    async def record(self, work: PendingWork) -> None:
        """Write pending work, or update its time; progress that it does not name is kept."""
        ...

    async def find[R: Recorded](self, queue: WorkQueue[R], subject: R) -> PendingWork | None:
        """Return the pending work on a subject, or None."""
        ...

    async def drop[R: Recorded](self, queue: WorkQueue[R], subject: R) -> None:
        """Delete pending work; it is no error when it is gone."""
        ...

    def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        """Yield all pending work whose message was queued before the moment."""
        ...
