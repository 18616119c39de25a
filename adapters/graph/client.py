"""Requests to Microsoft Graph: JSON in and out, typed errors, links only to Graph's own host."""

import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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

from adapters.graph.answers import GraphError, read_answer, read_download, read_part
from adapters.graph.read_budget import ReadBudget
from adapters.graph.reports import report_address
from adapters.transport import new_transport

# For one attempt; much shorter than a sync's lease.
_READING: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}
_INTERACTIVE_TIMEOUTS: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}
# Graph's links are shorter; several of them are stored in one property of a row.
_LINK = re.compile(r"https?://[\x21-\x7e]{1,8000}")
# A loop over pages must end, whatever the server returns.
_MOST_PAGES = 1000


class GraphClient:
    """Microsoft Graph v1.0.

    Args:
        endpoint: URL of Microsoft Graph without a version.
        transport: Sends the requests; by default the Azure SDK's transport over aiohttp.
    """

    def __init__(
        self, endpoint: str, transport: AsyncHttpTransport[Any, Any] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            endpoint,
            transport=transport or new_transport(),
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("Manage365"),
                DistributedTracingPolicy(
                    network_span_namer=lambda request: f"Graph {request.method}"
                ),
                HttpLoggingPolicy(),  # it redacts headers and query strings
            ],
        )

    async def get(
        self,
        path: str,
        token: str,
        budget: ReadBudget | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the JSON object at a path or link.

        Args:
            path: A path below /v1.0, one that begins with /beta, or a link that Graph returned.
            budget: How long to try; without a budget there is only one attempt.

        Raises:
            GraphError: The request was not successful.
        """
        request = HttpRequest("GET", self._url(path), headers=dict(headers or {}))
        return await self._read(request, token, budget)

    async def pages(
        self,
        path: str,
        get: Callable[[str], Awaitable[dict[str, Any]]],
        *,
        most: int = _MOST_PAGES,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of an answer: the page at the path, and the pages that it links to.

        https://learn.microsoft.com/graph/paging

        Args:
            get: Reads one page.
            most: The maximum number of pages.

        Raises:
            GraphError: A page could not be read, or the pages do not end.
        """
        link: str | None = path
        seen: set[str] = set()
        while link:
            if link in seen or len(seen) >= most:
                raise GraphError(0, "a page links back to an earlier one")
            seen.add(link)
            document = await get(link)
            yield document
            link = self.link(document, "@odata.nextLink")

    async def post(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post a JSON object, in one attempt; return the JSON object of the answer.

        Raises:
            GraphError: The request was not successful.
        """
        return await self._read(HttpRequest("POST", self._url(path), json=body), token, None)

    async def patch(
        self, path: str, token: str, body: dict[str, Any], if_match: str | None = None
    ) -> None:
        """Change an object, in one attempt.

        Args:
            if_match: The version that it must have, if its kind has versions.

        Raises:
            GraphError: The request was not successful; with status 412, the object now has
                another version.
        """
        headers = {} if if_match is None else {"If-Match": if_match}
        request = HttpRequest("PATCH", self._url(path), json=body, headers=headers)
        await self._read(request, token, None)

    async def download(self, path: str, token: str, budget: ReadBudget) -> bytes:
        """Return a report, which Graph redirects to.

        The address of the report must not get the token.
        https://learn.microsoft.com/graph/api/reportroot-getoffice365activeuserdetail

        Raises:
            GraphError: A request was not successful, or the redirect leads elsewhere.
        """
        request = HttpRequest("GET", self._url(path), headers={"Authorization": f"Bearer {token}"})
        answer = await self._attempt(request, budget, read_download)
        if answer.content is not None:
            return answer.content
        location = report_address(answer.location, self._endpoint)
        try:
            answer = await self._attempt(HttpRequest("GET", location), budget, read_download)
        except GraphError as error:
            # It is no refusal of Graph's, which would mean that a permission is missing.
            raise GraphError(0, f"the report's host: {error}", error.retry_after) from None
        if answer.content is None:
            raise GraphError(0, "the report is redirected again")
        return answer.content

    async def write(
        self, method: str, path: str, token: str, body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Send a change, in one attempt, and wait for its answer as long as a read would.

        Returns:
            The JSON object of the answer; empty if the answer has no body.

        Raises:
            GraphError: The request was not successful, or nobody knows whether it was.
        """
        request = HttpRequest(method, self._url(path), json=None if body is None else dict(body))
        return read_answer(await self._send(self._with(request, token), _READING))

    async def upsert(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create the object that a path names by a key, or change it; in one attempt.

        Returns the object if it was created, and an empty object if it was changed.

        Raises:
            GraphError: The request was not successful.
        """
        headers = {"Prefer": "create-if-missing"}
        request = HttpRequest("PATCH", self._url(path), json=body, headers=headers)
        return await self._read(request, token, None)

    async def batch(
        self,
        paths: Mapping[str, str],
        token: str,
        budget: ReadBudget,
        version: str = "v1.0",
    ) -> dict[str, dict[str, Any] | GraphError]:
        """Read up to 20 paths in one request; each part has its own status.

        https://learn.microsoft.com/graph/json-batching

        Args:
            paths: Paths below the version.

        Raises:
            GraphError: The batch as a whole was not successful.
        """
        parts = [{"id": key, "method": "GET", "url": path} for key, path in paths.items()]
        request = HttpRequest("POST", self._url(f"/{version}/$batch"), json={"requests": parts})
        answer = await self._read(request, token, budget)
        responses = answer.get("responses")
        if not isinstance(responses, list):
            raise GraphError(0, "the answer is no batch")
        found = {
            part["id"]: read_part(part)
            for part in responses
            if isinstance(part, dict) and isinstance(part.get("id"), str)
        }
        lost = "a part of the batch is missing"
        return {key: found.get(key, GraphError(0, lost, is_passing=True)) for key in paths}

    def link(self, document: dict[str, Any], name: str) -> str | None:
        """Return a link from one of Graph's documents, or None.

        Raises:
            GraphError: It is not a link, or leads to another host.
        """
        link = document.get(name)
        if link is None:
            return None
        if not isinstance(link, str) or not _LINK.fullmatch(link):
            raise GraphError(0, "a link leads nowhere")
        return self._url(link)

    def _url(self, path: str) -> str:
        if path.startswith(("/beta/", "/v1.0/")):
            return f"{self._endpoint}{path}"
        if not path.startswith(("http:", "https:")):
            return f"{self._endpoint}/v1.0{path}"
        # The request contains a token, which a link to another host would reveal.
        if not _is_same_origin(path, self._endpoint):
            raise GraphError(0, "a link leads to another host")
        return path

    async def _read(
        self, request: HttpRequest, token: str, budget: ReadBudget | None
    ) -> dict[str, Any]:
        request = self._with(request, token)
        if budget is None:
            return read_answer(await self._send(request, _INTERACTIVE_TIMEOUTS))
        return await self._attempt(request, budget, read_answer)

    async def _attempt[T](
        self, request: HttpRequest, budget: ReadBudget, read: Callable[[AsyncHttpResponse], T]
    ) -> T:
        """Send a request, and again as long as its error is temporary and the budget allows."""
        for attempt in count():
            budget.cost.requests += 1
            began = monotonic()
            try:
                return read(await self._send(request, _READING))
            except GraphError as error:
                budget.spent += monotonic() - began
                await budget.wait(error, attempt)
        raise AssertionError  # count() has no end

    @staticmethod
    def _with(request: HttpRequest, token: str) -> HttpRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["Accept"] = "application/json"
        return request

    async def _send(self, request: HttpRequest, timeouts: dict[str, Any]) -> AsyncHttpResponse:
        try:
            return await self._client.send_request(request, **timeouts)
        except (AzureError, zlib.error) as error:
            # An answer that is not compressed as its header says is treated as truncated.
            raise GraphError(0, type(error).__name__, is_passing=True) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _is_same_origin(link: str, endpoint: str) -> bool:
    wanted = urlsplit(endpoint)
    try:
        given = urlsplit(link)
    except ValueError:
        return False
    return (given.scheme, given.netloc) == (wanted.scheme, wanted.netloc)
