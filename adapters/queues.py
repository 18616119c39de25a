"""The work queues over Azure Queue Storage."""

import asyncio
from typing import Any, Self, override

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from adapters.transport import new_transport
from domain.errors import StorageUnavailable
from domain.ports.queues import Queues
from domain.work_queues import WORK_QUEUES, Subject, WorkQueue

_RETRIES: dict[str, Any] = {"retry_total": 3}
# https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes
_BEING_DELETED = "QueueBeingDeleted"


class StorageQueues(Queues):
    """Queues over Azure Queue Storage, encoded as the Functions host expects.

    Args:
        service: The account's queue service.
    """

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    @classmethod
    def connect(cls, connection_string: str) -> Self:
        """Open the storage account of a connection string."""
        transport = new_transport()
        return cls(
            QueueServiceClient.from_connection_string(
                connection_string, transport=transport, **_RETRIES
            )
        )

    @classmethod
    def open(cls, endpoint: str, credential: AsyncTokenCredential) -> Self:
        """Open the storage account of a queue endpoint, with the app's identity."""
        transport = new_transport()
        return cls(
            QueueServiceClient(endpoint, credential=credential, transport=transport, **_RETRIES)
        )

    async def create_queues(self) -> None:
        """Create every missing queue and poison queue; a start-up step."""
        names = [queue.name + suffix for queue in WORK_QUEUES for suffix in ("", "-poison")]
        await asyncio.gather(*map(self._create, names))

    async def _create(self, name: str) -> None:
        try:
            await self._service.create_queue(name)
        except ResourceExistsError as error:
            if getattr(error, "error_code", None) == _BEING_DELETED:
                raise StorageUnavailable("A queue is being deleted.") from error

    @override
    async def send[R: Subject](
        self, queue: WorkQueue[R], subject: R, delay_seconds: int = 0
    ) -> None:
        client = self._service.get_queue_client(
            queue.name, message_encode_policy=TextBase64EncodePolicy()
        )
        lives = queue.time_to_live
        try:
            await client.send_message(
                queue.write(subject),
                visibility_timeout=delay_seconds,
                time_to_live=int(lives.total_seconds()) if lives else None,
            )
        except AzureError as error:
            raise StorageUnavailable("The queue does not answer.") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
