"""Messages that failed five times: each is counted; if it names an MSP, its audit log records it.

The handler must succeed for any content: otherwise it would be called five more times, and then
Microsoft's host deletes the message. The unfinished work is recorded elsewhere, in the schedule of
syncs and as pending work.
"""

import logging
from datetime import datetime

import azure.functions as func

from domain.audit import SYSTEM, Cause
from domain.errors import MalformedInput
from domain.identifiers import OperationRef, ScheduleRange, TenantRef
from domain.ports.msp_store import MspStore
from domain.row_changes import Insert
from domain.work_queues import Subject, WorkQueue
from telemetry import count

_log = logging.getLogger(__name__)


async def record_poison[R: Subject](
    msps: MspStore, queue: WorkQueue[R], message: func.QueueMessage, now: datetime
) -> R | None:
    """Count a message and record it in the MSP's audit log.

    No row is written for an MSP that does not exist, since nobody would ever read it.

    Returns:
        The message's subject, or None if it names no subject or an MSP that does not exist.
    """
    count("work.poisoned", work=queue.name)
    try:
        subject = queue.read(message.get_body())
    except MalformedInput:
        _log.warning("a message in the queue %s cannot be read", queue.name)
        return None
    if isinstance(subject, ScheduleRange):
        # It belongs to no MSP. The timer's next run searches the same entries.
        _log.error("the search for due tenants failed in partition %s", subject.partition)
        return subject
    if await msps.head(subject.msp_id) is None:
        _log.warning("a message in the queue %s names an MSP that does not exist", queue.name)
        return None
    tenant_id = subject.tenant_id if isinstance(subject, TenantRef | OperationRef) else None
    event = Cause(SYSTEM, now, message.id or "").event(
        subject.msp_id, queue.failed_action, tenant_id=tenant_id, outcome="failed"
    )
    await msps.commit((Insert(event),))
    return subject
