"""Pending work: recorded until it is done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.identifiers import SessionRef, TenantRef


class WorkKind(StrEnum):
    """The kinds of work that a transaction decides on and a queue message triggers."""

    PURGE_TENANT = "purge-tenant"
    COMPLETE_CONSENT = "complete-consent"


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work to do. It is recorded before its transaction and kept until the work is done.

    Args:
        queued_at: When its message was last queued, or when it was recorded.
        deleted: For a purge: the number of records deleted so far, by kind.
        writer_until: For a purge: until then a sync may still write records that must be deleted.
    """

    kind: WorkKind
    subject: TenantRef | SessionRef
    queued_at: datetime
    deleted: tuple[tuple[str, int], ...] = ()
    writer_until: datetime | None = None


class PendingWorkStore(Protocol):
    """The `pendingWork` table: a queue message is never the only record of work to do."""

    async def record(self, intent: PendingWork) -> None:
        """Write pending work, or update its time; stored progress that is not given is kept."""
        ...

    async def find(self, kind: WorkKind, subject: TenantRef | SessionRef) -> PendingWork | None:
        """Return the pending work, or None."""
        ...

    async def drop(self, kind: WorkKind, subject: TenantRef | SessionRef) -> None:
        """Delete the pending work; it is no error if it does not exist."""
        ...

    def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        """Yield all pending work whose message was queued before the moment."""
        ...
