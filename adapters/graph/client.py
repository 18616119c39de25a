"""Requests to Microsoft Graph: JSON in and out, errors by their meaning, links kept at home."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import (
    DistributedTracingPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from domain.ports import ReadCost

# Of one attempt; it ends well before a sync's lease.
_READING: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}
_AT_ONCE: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}
_MOST_ATTEMPTS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 16.0
_PASSING = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class GraphError(Exception):
    """An answer that is no success, or none at all (status 0).

    Args:
        retry_after: Seconds that Graph asks to wait, or None.
        is_passing: Whether the same request may well succeed later.
    """

    status: int
    code: str
    retry_after: float | None = None
    is_passing: bool = False

    @property
    def is_denied(self) -> bool:
        """Whether Graph says that the app may not."""
        return self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def __str__(self) -> str:
        """Say what went wrong, without a word of the body."""
        if self.status == 0:
            return f"Microsoft Graph did not answer ({self.code})"
        return f"Microsoft Graph answered {self.status} ({self.code})"


@dataclass(slots=True)
class ReadBudget:
    """What one reading of a tenant may wait, and what it has cost.

    Args:
        seconds: How long it may wait for Graph in all.
        spent: What pauses and failed requests have taken of that.
    """

    seconds: float
    cost: ReadCost = field(default_factory=ReadCost)
    spent: float = 0.0

    async def wait(self, error: GraphError, attempt: int = 0) -> None:
        """Wait as Graph asks, to the second, or with jitter where it names no time.

        Raises:
            GraphError: The error: it does not pass, or not within the budget.
        """
        pause = error.retry_after if error.retry_after is not None else _backoff(attempt)
        enough = self.spent + pause > self.seconds
        if not error.is_passing or enough or attempt >= _MOST_ATTEMPTS:
            raise error
        await asyncio.sleep(pause)
        self.cost.throttled_seconds += pause
        self.spent += pause


def _backoff(attempt: int) -> float:
    longest = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311  no secret


class GraphClient:
    """Microsoft Graph v1.0.

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
                DistributedTracingPolicy(
                    network_span_namer=lambda request: f"Graph {request.method}"
                ),
                HttpLoggingPolicy(),  # it redacts headers and query strings
            ],
        )

    async def get(self, path: str, token: str, budget: ReadBudget | None = None) -> dict[str, Any]:
        """Return the JSON object at a path or link.

        Args:
            path: A path below /v1.0, or a link that Graph gave.
            budget: For how long to try; without one it is tried once.

        Raises:
            GraphError: No success.
        """
        return await self._read(HttpRequest("GET", self._url(path)), token, budget)

    async def post(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post a JSON object, once; return the answer's.

        Raises:
            GraphError: No success.
        """
        return await self._read(HttpRequest("POST", self._url(path), json=body), token, None)

    async def patch(self, path: str, token: str, body: dict[str, Any], if_match: str) -> None:
        """Change the object of a version, once.

        Raises:
            GraphError: No success; with status 412, the object is another version by now.
        """
        headers = {"If-Match": if_match}
        request = HttpRequest("PATCH", self._url(path), json=body, headers=headers)
        await self._read(request, token, None)

    async def batch(
        self, paths: Mapping[str, str], token: str, budget: ReadBudget
    ) -> dict[str, dict[str, Any] | GraphError]:
        """Read up to 20 paths in one request; each part has a status of its own.

        https://learn.microsoft.com/graph/json-batching

        Raises:
            GraphError: The batch as a whole was no success.
        """
        parts = [{"id": key, "method": "GET", "url": path} for key, path in paths.items()]
        request = HttpRequest("POST", self._url("/$batch"), json={"requests": parts})
        answer = await self._read(request, token, budget)
        responses = answer.get("responses")
        if not isinstance(responses, list):
            raise GraphError(0, "the answer is no batch")
        lost = GraphError(0, "a part of the batch is missing", is_passing=True)
        found = {part.get("id"): _part(part) for part in responses if isinstance(part, dict)}
        return {key: found.get(key, lost) for key in paths}

    def link(self, document: dict[str, Any], name: str) -> str | None:
        """Return a link that Graph gave, or None.

        Raises:
            GraphError: It is none, or leads to another host.
        """
        link = document.get(name)
        if link is None:
            return None
        if not isinstance(link, str) or not link.startswith(("http:", "https:")):
            raise GraphError(0, "a link leads nowhere")
        return self._url(link)

    def _url(self, path: str) -> str:
        if not path.startswith(("http:", "https:")):
            return f"{self._endpoint}/v1.0{path}"
        # The request carries a token: a link to anywhere else would give it away.
        wanted, given = urlsplit(self._endpoint), urlsplit(path)
        if (given.scheme, given.netloc) != (wanted.scheme, wanted.netloc):
            raise GraphError(0, "a link leads to another host")
        return path

    async def _read(
        self, request: HttpRequest, token: str, budget: ReadBudget | None
    ) -> dict[str, Any]:
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["Accept"] = "application/json"
        if budget is None:
            return await self._send(request, _AT_ONCE)
        for attempt in count():
            budget.cost.requests += 1
            began = monotonic()
            try:
                return await self._send(request, _READING)
            except GraphError as error:
                budget.spent += monotonic() - began
                await budget.wait(error, attempt)
        raise AssertionError  # count() has no end

    async def _send(self, request: HttpRequest, timeouts: dict[str, Any]) -> dict[str, Any]:
        try:
            response = await self._client.send_request(request, **timeouts)
        except AzureError as error:
            raise GraphError(0, type(error).__name__, is_passing=True) from None
        return _document(response)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _document(response: AsyncHttpResponse) -> dict[str, Any]:
    try:
        document = response.json() if response.content else {}
    except ValueError:
        document = None  # it was cut off
    # A redirect is none of Graph's answers here, and following one could give the token away.
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise _error(response.status_code, document, response.headers)
    if not isinstance(document, dict):
        raise GraphError(0, "the answer is not JSON", is_passing=document is None)
    return document


def _part(part: dict[str, Any]) -> dict[str, Any] | GraphError:
    status, body, headers = part.get("status"), part.get("body"), part.get("headers")
    if isinstance(status, int) and status >= HTTPStatus.MULTIPLE_CHOICES:
        return _error(status, body, headers if isinstance(headers, dict) else {})
    return body if isinstance(body, dict) else GraphError(0, "a part of the batch is not JSON")


def _error(status: int, document: Any, headers: Mapping[str, str]) -> GraphError:
    return GraphError(status, _code(document), _retry_after(headers), status in _PASSING)


def _code(document: Any) -> str:
    """Return the error's code if it looks like one: what Graph says is shown to people."""
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.replace("_", "").isalnum() else "no code"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, which may be given as a date."""
    text = headers.get("Retry-After", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
