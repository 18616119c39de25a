"""Work that is recorded until it is done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.identifiers import SessionRef, TenantRef


class WorkKind(StrEnum):
    """Work that a transaction decides and a queue carries out."""

    PURGE_TENANT = "purge-tenant"
    COMPLETE_CONSENT = "complete-consent"


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work to do, on record from before its transaction until it is done.

    Args:
        queued_at: When its message was last put on the queue, or when it was recorded.
        deleted: Of a purge: how many records are gone so far, by kind.
        writer_until: Of a purge: until when a sync may still write what is to be deleted.
    """

    kind: WorkKind
    subject: TenantRef | SessionRef
    queued_at: datetime
    deleted: tuple[tuple[str, int], ...] = ()
    writer_until: datetime | None = None


class PendingWorkStore(Protocol):
    """The `pendingWork` table: a queue message is never the only record of work to do."""

    async def record(self, intent: PendingWork) -> None:
        """Write an intent, or update its time; progress that it does not name stays."""
        ...

    async def find(self, kind: WorkKind, subject: TenantRef | SessionRef) -> PendingWork | None:
        """Return an intent, or None."""
        ...

    async def drop(self, kind: WorkKind, subject: TenantRef | SessionRef) -> None:
        """Delete an intent; one that is gone is no error."""
        ...

    def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        """Yield every intent whose message was queued before the moment."""
        ...
