"""The work queues.

A queue is declared only here. Its triggers, its poison queue, its recovery and the check of the
infrastructure are derived from the entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.identifiers import SessionRef, TenantRef
from domain.messages import read_session_ref, read_tenant_ref, write_session_ref, write_tenant_ref

type Subject = TenantRef | SessionRef


@dataclass(frozen=True, slots=True)
class WorkQueue[R: Subject]:
    """A work queue; each message names the subject of one piece of work.

    Args:
        name: Name of the queue; its poison queue is `{name}-poison`.
        failed_action: The audit log's action for a message that failed five times.
        read: Returns the subject that a message names, or raises MalformedInput.
        write: Returns the message that names a subject.
    """

    name: str
    failed_action: str
    read: Callable[[bytes], R]
    write: Callable[[R], str]

    @property
    def function(self) -> str:
        """The name of the function that processes it."""
        return self.name.replace("-", "_")


SYNC_TENANT = WorkQueue("sync-tenant", "sync.failed", read_tenant_ref, write_tenant_ref)
PURGE_TENANT = WorkQueue("purge-tenant", "tenant.purge_failed", read_tenant_ref, write_tenant_ref)
COMPLETE_CONSENT = WorkQueue(
    "complete-consent", "consent.attempts_failed", read_session_ref, write_session_ref
)
WORK_QUEUES: tuple[WorkQueue[Any], ...] = (
    SYNC_TENANT,
    PURGE_TENANT,
    COMPLETE_CONSENT,
)
