"""Messages in real queues."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from adapters.queues import StorageQueues
from domain.identifiers import MspId, MspRef, ScheduleRange
from domain.work_queues import (
    BILL_MSP,
    FIND_DUE_TENANTS,
    POLL_MSP_GDAP,
    PURGE_TENANT,
    SYNC_TENANT,
    Subject,
    WorkQueue,
)
from tests.samples import CONTOSO, tenant

REF, MSP_REF = tenant().ref, MspRef(MspId(CONTOSO))
# Azure's own time to live.
WEEK = timedelta(days=7)
SENT: list[tuple[WorkQueue[Any], Subject, timedelta]] = [
    (FIND_DUE_TENANTS, ScheduleRange("07"), timedelta(minutes=2)),
    (POLL_MSP_GDAP, MSP_REF, timedelta(minutes=10)),
    (BILL_MSP, MSP_REF, timedelta(hours=1)),
    (SYNC_TENANT, REF, WEEK),
    (PURGE_TENANT, REF, WEEK),
]


@pytest.fixture
async def queues(azurite: str) -> AsyncIterator[StorageQueues]:
    opened = StorageQueues.connect(azurite)
    await opened.create_queues()
    yield opened
    await opened.close()


async def last(azurite: str, name: str) -> QueueMessage:
    """Empty a queue; return its last message."""
    async with QueueClient.from_connection_string(azurite, name) as opened:
        *_, message = [message async for message in opened.receive_messages()]
        await opened.clear_messages()
        return message


@pytest.mark.parametrize(("queue", "subject", "lives"), SENT, ids=[q.name for q, *_ in SENT])
async def test_a_message_expires_when_a_timer_has_sent_the_next_one(
    azurite: str,
    queues: StorageQueues,
    queue: WorkQueue[Any],
    subject: Subject,
    lives: timedelta,
) -> None:
    await queues.send(queue, subject)
    message = await last(azurite, queue.name)
    assert message.expires_on is not None
    assert message.inserted_on is not None
    assert message.expires_on - message.inserted_on == lives
