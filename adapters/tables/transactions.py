"""Sending entity group transactions, by the Azure SDK's pipeline and with a body of our own.

What is sent once again, signed or refused is up to the SDK's policies, as it is for single rows.
"""

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, override
from urllib.parse import urlsplit
from uuid import uuid4

from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncRetryPolicy,
    AzureSasCredentialPolicy,
    DistributedTracingPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables.aio import TableServiceClient

from adapters.tables.access import check_table, translate_storage_errors
from adapters.tables.transaction_body import TableWrite, read_answer, read_code, write_body
from domain.errors import StorageUnavailable

type Credential = AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential

_MAX_CONCURRENT = 4
# A connection that breaks before the answer is no reason to give up. If the transaction was done
# all the same, its guards refuse the second one, and whoever decided looks again.
_RETRIED = frozenset({"POST"})
_SCOPE = "https://storage.azure.com/.default"


class Transactions:
    """Writes several rows of one partition of a table at once, or none of them.

    Args:
        service: The account's table service: its address and its credential.
        transport: What the service sends with, and closes.
        retries: The settings of the SDK's retries.
    """

    def __init__(
        self, service: TableServiceClient, transport: AioHttpTransport, retries: dict[str, Any]
    ) -> None:
        self._url, self._version = service.url, service.api_version
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            service.url,
            transport=transport,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("Manage365"),
                AsyncRetryPolicy(**retries),
                _authentication(service.credential),
                DistributedTracingPolicy(network_span_namer=lambda _: "Tables transaction"),
                HttpLoggingPolicy(),
            ],
        )

    async def submit(self, table: str, steps: Sequence[TableWrite]) -> None:
        """Write everything, in the order of the steps, or nothing.

        Raises:
            ConcurrentChange: A row is another version, exists, or does not.
            StorageUnavailable: No answer, or a busy server, after the SDK's own retries.
        """
        with translate_storage_errors():
            response = await self._client.send_request(
                self._request(table, steps), retry_on_methods=_RETRIED
            )
            _check(response, len(steps))

    def _request(self, table: str, steps: Sequence[TableWrite]) -> HttpRequest:
        batch, changeset = f"batch_{uuid4()}", f"changeset_{uuid4()}"
        headers = {
            "Content-Type": f"multipart/mixed; boundary={batch}",
            "Accept": "application/json",
            "DataServiceVersion": "3.0",
            "x-ms-version": self._version,
        }
        body = write_body(f"{self._url}/{table}", steps, batch, changeset)
        return HttpRequest("POST", f"{self._url}/$batch", headers=headers, content=body)


async def few_at_a_time[T](
    send: Callable[[T], Coroutine[Any, Any, None]], transactions: Iterable[T]
) -> None:
    """Send transactions, the next as soon as there is room for it; it is made ready meanwhile.

    When one fails the others are stopped, so that none is still under way after its error.
    """
    room = asyncio.Semaphore(_MAX_CONCURRENT)
    try:
        async with asyncio.TaskGroup() as group:
            for transaction in transactions:
                await room.acquire()
                group.create_task(send(transaction)).add_done_callback(lambda _: room.release())
                await asyncio.sleep(0)  # It is on its way before the next is made ready.
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def _check(response: AsyncHttpResponse, steps: int) -> None:
    """See that every step was done.

    Raises:
        HttpResponseError: One was refused, and with it all.
        StorageUnavailable: The answer tells of fewer steps, or is none to a transaction; or there
            is no such table.
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


def _authentication(credential: Credential) -> Any:
    match credential:
        case AzureNamedKeyCredential():
            return SharedKeyLitePolicy(credential)
        case AzureSasCredential():
            return AzureSasCredentialPolicy(credential)
    return AsyncBearerTokenCredentialPolicy(credential, _SCOPE)


class SharedKeyLitePolicy(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Signs a request with the account's key, as a connection string has it.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """

    def __init__(self, credential: AzureNamedKeyCredential) -> None:
        self._credential = credential

    @override
    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Sign the time and the resource."""
        name, key = self._credential.named_key
        date = format_datetime(datetime.now(UTC), usegmt=True)
        text = f"{date}\n/{name}{urlsplit(request.http_request.url).path}"
        signature = b64encode(hmac.digest(b64decode(key), text.encode(), "sha256")).decode()
        request.http_request.headers["x-ms-date"] = date
        request.http_request.headers["Authorization"] = f"SharedKeyLite {name}:{signature}"
