"""The work queues.

A queue is declared only here. Its triggers, its poison queue, its recovery and the check of the
infrastructure are derived from the entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.identifiers import OperationRef, SessionRef, TenantRef
from domain.messages import (
    read_operation_ref,
    read_session_ref,
    read_tenant_ref,
    write_operation_ref,
    write_session_ref,
    write_tenant_ref,
)

type Subject = TenantRef | SessionRef | OperationRef


@dataclass(frozen=True, slots=True)
class WorkQueue[R: Subject]:
    """A work queue; each message names the subject of one piece of work.

    Args:
        name: Of the queue, and of its pending work; its poison queue is `{name}-poison`.
        failed_action: What the audit log calls a message that failed five times.
        subject: The type of its subjects.
        read: Returns the subject that a message names, or raises MalformedInput.
        write: Returns the message that names a subject.
    """

    name: str
    failed_action: str
    subject: type[R]
    read: Callable[[bytes], R]
    write: Callable[[R], str]

    @property
    def function(self) -> str:
        """The name of the function that processes it."""
        return self.name.replace("-", "_")


def of_tenants(name: str, failed_action: str) -> WorkQueue[TenantRef]:
    """Return a queue whose messages name tenants."""
    return WorkQueue(name, failed_action, TenantRef, read_tenant_ref, write_tenant_ref)


def of_sessions(name: str, failed_action: str) -> WorkQueue[SessionRef]:
    """Return a queue whose messages name consent sessions."""
    return WorkQueue(name, failed_action, SessionRef, read_session_ref, write_session_ref)


def of_operations(name: str, failed_action: str) -> WorkQueue[OperationRef]:
    """Return a queue whose messages name operations."""
    return WorkQueue(name, failed_action, OperationRef, read_operation_ref, write_operation_ref)


SYNC_TENANT = of_tenants("sync-tenant", "sync.failed")
PURGE_TENANT = of_tenants("purge-tenant", "tenant.purge_failed")
COMPLETE_CONSENT = of_sessions("complete-consent", "consent.attempts_failed")
RUN_OPERATION = of_operations("run-operation", "operation.attempts_failed")
WORK_QUEUES: tuple[WorkQueue[Any], ...] = (
    SYNC_TENANT,
    PURGE_TENANT,
    COMPLETE_CONSENT,
    RUN_OPERATION,
)


def queue_named(name: str) -> WorkQueue[Any]:
    """Return the queue of a name.

    Raises:
        ValueError: This release has none.
    """
    for queue in WORK_QUEUES:
        if queue.name == name:
            return queue
    raise ValueError(name)
