"""Messages that failed five times: each is counted, and one that names an MSP is in its audit log.

Whatever such a message holds, its handler ends. It would be called five more times, and Microsoft's
host then deletes the message. What is left to do stands elsewhere: in the schedule of syncs, and
in the work on record.
"""

import logging
from datetime import datetime

import azure.functions as func

from domain.audit import SYSTEM, Cause
from domain.errors import MalformedInput
from domain.identifiers import TenantRef
from domain.ports.msp_store import MspStore
from domain.row_changes import Insert
from domain.work_queues import Subject, WorkQueue
from telemetry import count

_log = logging.getLogger(__name__)


async def record_poison[R: Subject](
    msps: MspStore, queue: WorkQueue[R], message: func.QueueMessage, now: datetime
) -> R | None:
    """Count a message, and tell its MSP; return what it is about, or None if that is nothing here.

    No row is written for an MSP that does not exist: nobody would ever read it.
    """
    count("work.poisoned", work=queue.name)
    try:
        subject = queue.read(message.get_body())
    except MalformedInput:
        _log.warning("a message of the queue %s names nothing", queue.name)
        return None
    if await msps.head(subject.msp_id) is None:
        _log.warning("a message of the queue %s names no MSP that there is", queue.name)
        return None
    tenant_id = subject.tenant_id if isinstance(subject, TenantRef) else None
    event = Cause(SYSTEM, now, message.id or "").event(
        subject.msp_id, queue.failed_action, tenant_id=tenant_id, outcome="failed"
    )
    await msps.commit((Insert(event),))
    return subject
