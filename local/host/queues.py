"""Queue triggers: visibility timeout, dequeue count, and the poison queue after five failures.

A message that is not base64 goes there at once; a message that fails in a poison queue is deleted.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

import asyncio
import base64
import binascii
import contextlib
import logging
import os
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.worker import Function, InvocationFailed, invoke, text

_log = logging.getLogger(__name__)
# https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values
_BATCH_SIZE = "AzureFunctionsJobHost__extensions__queues__batchSize"
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_POISON = "-poison"


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """host.json's `extensions.queues`."""

    batch_size: int = 16
    most_dequeues: int = 5
    lock_seconds: int = 600
    visibility_after_failure: int = 0

    @classmethod
    def read(cls, host: dict[str, Any]) -> "QueueOptions":
        """Read host.json."""
        queues = host.get("extensions", {}).get("queues", {})
        batch_size = os.environ.get(_BATCH_SIZE, queues.get("batchSize", 16))
        hours, minutes, seconds = queues.get("visibilityTimeout", "00:00:00").split(":")
        return cls(
            batch_size=int(batch_size),
            most_dequeues=queues.get("maxDequeueCount", 5),
            visibility_after_failure=int(hours) * 3600 + int(minutes) * 60 + int(seconds),
        )


class QueueSide:
    """One queue function's listener."""

    def __init__(self, function: Function, connection: str, options: QueueOptions) -> None:
        self.function, self._options = function, options
        self._name = str(function.trigger["queueName"])
        # Without policies: the text of a message is read and passed on unchanged.
        self._queue = QueueClient.from_connection_string(connection, self._name)
        self._poison = None
        if not self._name.endswith(_POISON):
            poison = f"{self._name}{_POISON}"
            self._poison = QueueClient.from_connection_string(connection, poison)
        self.in_flight = self.began = 0
        self._seen = asyncio.Event()
        # A message that is being received is neither visible nor counted yet.
        self._receiving = asyncio.Lock()

    async def run(self) -> None:
        """Receive messages until cancelled, more often while there are some.

        More are received once at most half a batch is being processed, so that a slow message
        delays no other.
        """
        await _create(self._queue)
        pause = _SHORTEST_PAUSE
        async with asyncio.TaskGroup() as running:
            while True:
                taken = await self._receive() if self._has_room() else []
                for message in taken:
                    running.create_task(self._process(message))
                pause = _SHORTEST_PAUSE if taken else min(pause * 2, _LONGEST_PAUSE)
                await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """Pause, at most until a message has been seen."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._seen.wait()
        self._seen.clear()

    def _has_room(self) -> bool:
        return self.in_flight <= self._options.batch_size // 2

    async def _receive(self) -> list[QueueMessage]:
        async with self._receiving:
            try:
                messages = [
                    message
                    async for message in self._queue.receive_messages(
                        max_messages=self._options.batch_size,
                        visibility_timeout=self._options.lock_seconds,
                    )
                ]
            except Exception:  # noqa: BLE001  the queue is polled again after any error
                _log.exception("queue %s does not respond", self._name)
                return []
            self.in_flight += len(messages)
            self.began += len(messages)
            return messages

    async def _process(self, message: QueueMessage) -> None:
        try:
            await self._take(message)
        except Exception:  # noqa: BLE001  no message may end the host
            _log.exception("a message of queue %s will be delivered again", self._name)
        finally:
            self.in_flight -= 1

    async def _take(self, message: QueueMessage) -> None:
        if (message.dequeue_count or 0) > self._options.most_dequeues:
            # No failure was ever recorded: the process died each time.
            await self._give_up(message)
            return
        try:
            body = _decoded(message.content or "")
        except binascii.Error:
            _log.error("Message decoding has failed in queue %s", self._name)
            await self._give_up(message)
            return
        try:
            await invoke(self.function, text(body.decode()), _metadata(message))
        except (InvocationFailed, UnicodeDecodeError):
            _log.exception("%s failed", self.function.name)
            await self._failed(message)
        else:
            await self._delete(message)

    async def _delete(self, message: QueueMessage) -> None:
        """Delete a message; one that has expired is gone already."""
        with contextlib.suppress(ResourceNotFoundError):
            await self._queue.delete_message(message)

    async def _failed(self, message: QueueMessage) -> None:
        if (message.dequeue_count or 0) >= self._options.most_dequeues:
            await self._give_up(message)
            return
        with contextlib.suppress(ResourceNotFoundError):  # it has expired
            await self._queue.update_message(
                message,
                visibility_timeout=self._options.visibility_after_failure,
                content=message.content,
            )

    async def _give_up(self, message: QueueMessage) -> None:
        """Move a message to the poison queue unchanged; a poison queue has no poison queue."""
        if self._poison is not None:
            await _create(self._poison)
            await self._poison.send_message(message.content)
        await self._delete(message)

    async def is_empty(self) -> bool:
        """Return whether no message is visible; if one is, receive it at once."""
        async with self._receiving:
            try:
                if not await self._queue.peek_messages():
                    return True
            except ResourceNotFoundError:
                return True
            self._seen.set()
            return False

    async def close(self) -> None:
        """Close the connections."""
        queues = filter(None, (self._queue, self._poison))
        await asyncio.gather(*(queue.close() for queue in queues))


def _decoded(content: str) -> bytes:
    """Decode as .NET's Convert.FromBase64String does, which ignores white space.

    Raises:
        binascii.Error: It is not base64.
    """
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except ValueError as error:  # raised for non-ASCII characters; binascii.Error is a subclass
        raise binascii.Error(str(error)) from error


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


def _metadata(message: QueueMessage) -> dict[str, Datum]:
    return {
        "Id": text(message.id),
        "DequeueCount": Datum(message.dequeue_count, "int"),
        "PopReceipt": text(message.pop_receipt or ""),
    }
