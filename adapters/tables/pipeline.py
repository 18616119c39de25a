"""Our own requests to Azure Tables, sent through the Azure SDK's public policies.

The policies decide about retries and signatures as they do for the SDK's requests.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, override
from urllib.parse import quote, urlencode

from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
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
from yarl import URL

type Credential = AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential

_SCOPE = "https://storage.azure.com/.default"
_SPANS = {"GET": "Tables read", "POST": "Tables transaction"}


class TablesPipeline:
    """Sends requests to the account's tables.

    Args:
        service: The account's table service, which provides the address and the credential.
        transport: The transport of the service, which also closes it.
        retries: The settings for the SDK's retries.
    """

    def __init__(
        self, service: TableServiceClient, transport: AioHttpTransport, retries: dict[str, Any]
    ) -> None:
        self.url = service.url
        self._headers = {"DataServiceVersion": "3.0", "x-ms-version": service.api_version}
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            service.url,
            transport=transport,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("Manage365"),
                AsyncRetryPolicy(**retries),
                _authentication(service.credential),
                DistributedTracingPolicy(network_span_namer=lambda request: _SPANS[request.method]),
                HttpLoggingPolicy(),
            ],
        )

    async def get(self, path: str, query: Mapping[str, str]) -> AsyncHttpResponse:
        """Read JSON that states the types which JSON cannot express; return any response.

        Args:
            path: Percent-encoded path below the account's endpoint.
        """
        headers = {**self._headers, "Accept": "application/json;odata=minimalmetadata"}
        url = f"{self.url}/{path}?{urlencode(query, quote_via=quote)}"
        return await self._client.send_request(HttpRequest("GET", url, headers=headers))

    async def post(
        self, path: str, content: bytes, headers: Mapping[str, str], retried: frozenset[str]
    ) -> AsyncHttpResponse:
        """Post a body; return any response.

        Args:
            retried: The methods that are retried although the first attempt may have succeeded.
        """
        request = HttpRequest(
            "POST", f"{self.url}/{path}", headers={**self._headers, **headers}, content=content
        )
        return await self._client.send_request(request, retry_on_methods=retried)


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
        # The path as aiohttp sends it: it decodes escapes that are not necessary.
        text = f"{date}\n/{name}{URL(request.http_request.url).raw_path}"
        signature = b64encode(hmac.digest(b64decode(key), text.encode(), "sha256")).decode()
        request.http_request.headers["x-ms-date"] = date
        request.http_request.headers["Authorization"] = f"SharedKeyLite {name}:{signature}"
