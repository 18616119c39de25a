"""What others put into a queue, through the worker and the app as they run."""

import asyncio
import time

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from local.stack import Stack
from tests.e2e.portal import Portal
from tests.e2e.test_worker import QUEUES

ODD = (
    *("not JSON", "7", "[]", "[" * 20_000),
    '{"mspId": "nobody", "tenantId": "t", "epoch": "e"}',
)
# A message that failed would be tried again ten seconds later.
PATIENCE_SECONDS = 8


def client(stack: Stack, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        stack.storage, name, message_encode_policy=TextBase64EncodePolicy()
    )


async def waiting(stack: Stack, name: str) -> int:
    """Return how many messages wait in a queue; one that is not there has none."""
    async with client(stack, name) as queue:
        try:
            return (await queue.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0


async def test_an_odd_message_ends_in_the_poison_handler_whatever_it_holds(
    stack: Stack, portal: Portal
) -> None:
    for name in QUEUES:
        async with client(stack, f"{name}-poison") as opened:
            for text in ODD:
                await opened.send_message(text)
    queues = {name + suffix for name in QUEUES for suffix in ("-poison", "-poison-poison")}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := {name for name in queues if await waiting(stack, name)}:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)
