"""Entity group transactions, sent through the Azure SDK's pipeline with a body of our own.

The SDK's policies decide about retries, signatures and refusals, as they do for single rows.
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
# If the connection breaks before the response, the transaction is retried. If the first attempt
# was carried out, its conditions reject the second, and the caller reads and decides again.
_RETRIED = frozenset({"POST"})
_SCOPE = "https://storage.azure.com/.default"


class Transactions:
    """Writes several rows of one partition of a table, all or none.

    Args:
        service: The account's table service, which provides the address and the credential.
        transport: The transport of the service, which also closes it.
        retries: The settings for the SDK's retries.
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
            ConcurrentChange: A row has another version, already exists, or does not exist.
            StorageUnavailable: After the SDK's own retries there is no answer, or the server is
                busy.
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


def _authentication(credential: Credential) -> Any:
    match credential:
        case AzureNamedKeyCredential():
            return SharedKeyLitePolicy(credential)
        case AzureSasCredential():
            return AzureSasCredentialPolicy(credential)
    return AsyncBearerTokenCredentialPolicy(credential, _SCOPE)


class SharedKeyLitePolicy(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Signs a request with the account key from a connection string.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """

    def __init__(self, credential: AzureNamedKeyCredential) -> None:
        self._credential = credential

    @override
    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Sign the date and the resource."""
        name, key = self._credential.named_key
        date = format_datetime(datetime.now(UTC), usegmt=True)
        text = f"{date}\n/{name}{urlsplit(request.http_request.url).path}"
        signature = b64encode(hmac.digest(b64decode(key), text.encode(), "sha256")).decode()
        request.http_request.headers["x-ms-date"] = date
        request.http_request.headers["Authorization"] = f"SharedKeyLite {name}:{signature}"
