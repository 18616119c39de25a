"""Fan-out: a timer queues one message for each piece of work, and the queue's workers do it.

So no run of a timer has to last as long as the work on the whole fleet.
"""

import logging
import random
from collections.abc import Iterable
from functools import partial

from core.sweeps import for_each
from domain.identifiers import MspRef
from domain.ports.msp_store import MspStore
from domain.ports.queues import Queues
from domain.work_queues import Subject, WorkQueue

_log = logging.getLogger(__name__)
# One process then sends some hundreds a second. A queue takes 2,000.
# https://learn.microsoft.com/azure/storage/queues/scalability-targets
_MAX_CONCURRENT = 32


class MessagesNotSent(Exception):
    """Some messages could not be queued. The log has the errors; the timer's next run repeats."""


async def send_each[R: Subject](queues: Queues, queue: WorkQueue[R], subjects: Iterable[R]) -> None:
    """Queue a message for each subject; a failure of one does not stop the others.

    Raises:
        MessagesNotSent: Some could not be queued.
    """

    def log(subject: R, error: Exception) -> None:
        _log.error("no message was queued in %s for %s", queue.name, subject, exc_info=error)

    send = partial(queues.send, queue)
    failed = await for_each(subjects, send, log, max_concurrent=_MAX_CONCURRENT)
    if failed:
        raise MessagesNotSent(f"{len(failed)} messages in {queue.name}")


async def send_to_each_msp(msps: MspStore, queues: Queues, queue: WorkQueue[MspRef]) -> None:
    """Queue a message for each MSP.

    The order is random, so that no MSP is always the last one: of a run that is interrupted, or of
    workers that are too slow for all messages before these expire.

    Raises:
        MessagesNotSent: Some could not be queued.
    """
    refs = [MspRef(msp_id) async for msp_id in msps.msp_ids()]
    random.shuffle(refs)
    await send_each(queues, queue, refs)
