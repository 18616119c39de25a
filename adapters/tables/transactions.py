"""Entity group transactions: their bodies are our own (docs/decisions/0028)."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse

from adapters.tables.access import check_table, translate_storage_errors
from adapters.tables.pipeline import TablesPipeline
from adapters.tables.transaction_body import TableWrite, read_answer, read_code, write_body
from domain.errors import StorageUnavailable

_MAX_CONCURRENT = 4
# If the connection breaks before the response, the transaction is retried. If the first attempt
# was carried out, its conditions reject the second, and the caller reads and decides again.
_RETRIED = frozenset({"POST"})


class Transactions:
    """Writes several rows of one partition of a table, all or none."""

    def __init__(self, pipeline: TablesPipeline) -> None:
        self._pipeline = pipeline

    async def submit(self, table: str, steps: Sequence[TableWrite]) -> None:
        """Write everything, in the order of the steps, or nothing.

        Raises:
            ConcurrentChange: A row has another version, already exists, or does not exist.
            StorageUnavailable: After the SDK's own retries there is no answer, or the server is
                busy.
        """
        batch, changeset = f"batch_{uuid4()}", f"changeset_{uuid4()}"
        headers = {
            "Content-Type": f"multipart/mixed; boundary={batch}",
            "Accept": "application/json",
        }
        body = write_body(f"{self._pipeline.url}/{table}", steps, batch, changeset)
        with translate_storage_errors():
            response = await self._pipeline.post("$batch", body, headers, _RETRIED)
            _check(response, len(steps))


async def few_at_a_time[T](
    send: Callable[[T], Coroutine[Any, Any, None]], transactions: Iterable[T]
) -> None:
    """Send transactions, a limited number at a time; the next one is prepared meanwhile.

    If one fails, the others are cancelled, so that none is still running after the error.
    """
    room = asyncio.Semaphore(_MAX_CONCURRENT)
    try:
        async with asyncio.TaskGroup() as group:
            for transaction in transactions:
                await room.acquire()
                group.create_task(send(transaction)).add_done_callback(lambda _: room.release())
                await asyncio.sleep(0)  # It is sent before the next one is prepared.
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def _check(response: AsyncHttpResponse, steps: int) -> None:
    """Check that every step was carried out.

    Raises:
        HttpResponseError: A step was rejected, and therefore the whole transaction.
        StorageUnavailable: The response does not contain all steps, or is not the response to a
            transaction; or the table does not exist.
    """
    accepted = response.status_code == HTTPStatus.ACCEPTED
    statuses = read_answer(response.content) if accepted else [response.status_code]
    for status in statuses:
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            code = read_code(response.content)
            check_table(code)
            error = HttpResponseError(f"Storage refused a transaction: {status} {code}")
            error.status_code = status
            raise error
    if not accepted or len(statuses) != steps:
        raise StorageUnavailable("Storage's answer is cut off.")
