"""The work queues.

A queue is declared only here. Its triggers, its poison queue, its recovery and the check of the
infrastructure are derived from the entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.identifiers import MspRef, OperationRef, ScheduleRange, SessionRef, TenantRef
from domain.messages import (
    read_msp_ref,
    read_operation_ref,
    read_schedule_range,
    read_session_ref,
    read_tenant_ref,
    write_msp_ref,
    write_operation_ref,
    write_schedule_range,
    write_session_ref,
    write_tenant_ref,
)

# Work on these may be recorded until it is done. The other work is queued again by each run of a
# timer, so nothing is lost with a message.
type Recorded = TenantRef | SessionRef | OperationRef
type Subject = Recorded | MspRef | ScheduleRange


@dataclass(frozen=True, slots=True)
class WorkQueue[R: Subject]:
    """A work queue; each message names the subject of one piece of work.

    Args:
        name: Of the queue, and of its pending work; its poison queue is `{name}-poison`.
        failed_action: What the audit log calls a message that failed five times.
        subject: The type of its subjects.
        read: Returns the subject that a message names, or raises MalformedInput.
        write: Returns the message that names a subject.
        time_to_live: Age at which a message that is still in the queue is deleted, because a timer
            has sent the next one. So messages do not accumulate when the workers are too slow.
    """

    name: str
    failed_action: str
    subject: type[R]
    read: Callable[[bytes], R]
    write: Callable[[R], str]
    time_to_live: timedelta | None = None

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


def of_msps(name: str, failed_action: str, time_to_live: timedelta) -> WorkQueue[MspRef]:
    """Return a queue whose messages name MSPs."""
    return WorkQueue(name, failed_action, MspRef, read_msp_ref, write_msp_ref, time_to_live)


def of_schedule_ranges(
    name: str, failed_action: str, time_to_live: timedelta
) -> WorkQueue[ScheduleRange]:
    """Return a queue whose messages name ranges of the schedule of syncs."""
    forms = read_schedule_range, write_schedule_range
    return WorkQueue(name, failed_action, ScheduleRange, *forms, time_to_live)


SYNC_TENANT = of_tenants("sync-tenant", "sync.failed")
PURGE_TENANT = of_tenants("purge-tenant", "tenant.purge_failed")
COMPLETE_CONSENT = of_sessions("complete-consent", "consent.attempts_failed")
RUN_OPERATION = of_operations("run-operation", "operation.attempts_failed")
# Each message lives as long as the period of its timer in `infra/`.
FIND_DUE_TENANTS = of_schedule_ranges(
    "find-due-tenants", "sync.search_failed", timedelta(minutes=2)
)
POLL_MSP_GDAP = of_msps("poll-msp-gdap", "gdap.poll_failed", timedelta(minutes=10))
BILL_MSP = of_msps("bill-msp", "billing.failed", timedelta(hours=1))
CONSENT_CUSTOMER = of_tenants("consent-customer", "consent.customer_failed")
WORK_QUEUES: tuple[WorkQueue[Any], ...] = (
    SYNC_TENANT,
    PURGE_TENANT,
    COMPLETE_CONSENT,
    RUN_OPERATION,
    FIND_DUE_TENANTS,
    POLL_MSP_GDAP,
    BILL_MSP,
    CONSENT_CUSTOMER,
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
