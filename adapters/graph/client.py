"""Requests to Microsoft Graph: JSON in and out, errors by their meaning, links kept at home."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError, DecodeError
from azure.core.pipeline.policies import (
    AsyncRetryPolicy,
    ContentDecodePolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

# `timeout` bounds the attempts and their pauses; the other two bound one attempt. All of it ends
# well before a sync's lease, which is renewed between pages.
_PATIENT = {
    "retry_total": 6,
    "retry_connect": 6,
    "retry_read": 6,
    "retry_status": 6,
    "retry_backoff_factor": 0.5,
    "retry_backoff_max": 8,
    "timeout": 60,
    "connection_timeout": 5,
    "read_timeout": 20,
}
_AT_ONCE = {"retry_total": 0, "timeout": 5, "connection_timeout": 3, "read_timeout": 5}
_LONGEST_PAUSE = 30
# A caller that loops through pages must end, whatever the server says.
_MOST_PAGES = 20_000


@dataclass(frozen=True, slots=True)
class GraphError(Exception):
    """An answer that is no success, or none at all (status 0).

    Args:
        retry_after: Seconds that Graph asks to wait, or None.
    """

    status: int
    code: str
    retry_after: float | None = None

    @property
    def is_denied(self) -> bool:
        """Whether Graph says that the app may not."""
        return self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def __str__(self) -> str:
        """Say what went wrong, without a word of the body."""
        if self.status == 0:
            return f"Microsoft Graph did not answer ({self.code})"
        return f"Microsoft Graph answered {self.status} ({self.code})"


class _BoundedRetry(AsyncRetryPolicy[Any, Any]):
    """The SDK's retries, but for pauses that would outlast the lease: the next sync comes."""

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Tell whether to try again."""
        pause = self.get_retry_after(response) or 0
        return pause <= _LONGEST_PAUSE and super().is_retry(settings, response)

    def get_retry_after(self, response: Any) -> float | None:
        """Return the pause that Graph asks for in seconds; None for one that cannot be read."""
        try:
            return super().get_retry_after(response)
        except (TypeError, ValueError):
            return None


class GraphClient:
    """Microsoft Graph v1.0.

    The pipeline retries throttling, busy servers and dropped connections; it obeys
    `Retry-After`, and backs off where there is none, as Conditional Access gives none.

    Args:
        endpoint: Microsoft Graph, without a version.
        transport: What sends the requests; the Azure SDK's own over aiohttp by default.
    """

    def __init__(
        self, endpoint: str, transport: AsyncHttpTransport[Any, Any] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            endpoint,
            transport=transport,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("Manage365"),
                _BoundedRetry(),
                ContentDecodePolicy(),
                HttpLoggingPolicy(),  # it redacts headers and query strings
            ],
        )

    async def get(self, path: str, token: str, *, patient: bool = True) -> dict[str, Any]:
        """Return the JSON object at a path or link.

        Args:
            path: A path below /v1.0, or a link that Graph gave.
            patient: Whether to retry within a minute, or to answer within seconds.

        Raises:
            GraphError: No success.
        """
        return await self._send(HttpRequest("GET", self._url(path)), token, patient=patient)

    async def post(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post a JSON object, once; return the answer's.

        Raises:
            GraphError: No success.
        """
        request = HttpRequest("POST", self._url(path), json=body)
        return await self._send(request, token, patient=False)

    async def pages(self, path: str, token: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the pages of a collection, following `@odata.nextLink` to its end.

        Raises:
            GraphError: No success, a link that was followed already, or one to another host.
        """
        link: str | None = path
        seen: set[str] = set()
        while link:
            if link in seen or len(seen) >= _MOST_PAGES:
                raise GraphError(0, "a page links back to an earlier one")
            seen.add(link)
            document = await self.get(link, token)
            yield _values(document)
            link = _next_link(document)

    def _url(self, path: str) -> str:
        if not path.startswith(("http:", "https:")):
            return f"{self._endpoint}/v1.0{path}"
        # The request carries a token: a link to anywhere else would give it away.
        wanted, given = urlsplit(self._endpoint), urlsplit(path)
        if (given.scheme, given.netloc) != (wanted.scheme, wanted.netloc):
            raise GraphError(0, "a link leads to another host")
        return path

    async def _send(self, request: HttpRequest, token: str, *, patient: bool) -> dict[str, Any]:
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["Accept"] = "application/json"
        options = _PATIENT if patient else _AT_ONCE
        try:
            response = await self._client.send_request(request, **options)
        except DecodeError:
            raise GraphError(0, "the answer is not JSON") from None
        except AzureError as error:
            raise GraphError(0, type(error).__name__) from None
        return _read(response)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _read(response: AsyncHttpResponse) -> dict[str, Any]:
    try:
        document = response.json() if response.content else {}
    except ValueError:
        document = None
    # A redirect is none of Graph's answers here, and following one could give the token away.
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise GraphError(response.status_code, _code(document), _retry_after(response))
    if not isinstance(document, dict):
        raise GraphError(0, "the answer is not JSON")
    return document


def _code(document: Any) -> str:
    """Return the error's code if it looks like one: what Graph says is shown to people."""
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.replace("_", "").isalnum() else "no code"


def _retry_after(response: AsyncHttpResponse) -> float | None:
    try:
        return float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None


def _next_link(document: dict[str, Any]) -> str | None:
    link = document.get("@odata.nextLink")
    if link is not None and not (isinstance(link, str) and link.startswith(("http:", "https:"))):
        raise GraphError(0, "a link leads nowhere")
    return link


def _values(document: dict[str, Any]) -> list[dict[str, Any]]:
    values = document.get("value")
    if not isinstance(values, list):
        raise GraphError(0, "the answer is no collection")
    return values
