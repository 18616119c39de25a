"""Requests to Graph for one tenant: its token, its budget of time, and its pace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget

# Enough for 20 million users.
_MOST_PAGES = 20_000


class Token(Protocol):
    """Gets the tenant's token, from a cache unless a fresh one is requested."""

    async def __call__(self, *, fresh: bool) -> str:
        """Return an access token for Graph."""
        ...


class TenantSession:
    """Sends one request at a time.

    Args:
        patience_seconds: How long to wait for Graph in total.
        pace_seconds: The time between two requests to a resource that Graph paces.
    """

    def __init__(
        self, graph: GraphClient, token: Token, patience_seconds: float, pace_seconds: float
    ) -> None:
        self.graph, self.token = graph, token
        self.budget = ReadBudget(patience_seconds)
        self._pace, self._paced_at = pace_seconds, float("-inf")

    def pages(
        self, path: str, headers: dict[str, str] | None = None, *, is_paced: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages at a path or link.

        Raises:
            GraphError: A page could not be read.
        """

        async def get(link: str) -> dict[str, Any]:
            if is_paced:
                await self.keep_pace()
            return await self.get(link, headers)

        return self.graph.pages(path, get, most=_MOST_PAGES)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a path or link."""
        return await self._with_token(
            lambda token: self.graph.get(path, token, self.budget, headers)
        )

    async def batch(
        self, paths: dict[str, str], version: str = "v1.0"
    ) -> dict[str, dict[str, Any] | GraphError]:
        """Read up to 20 paths in one request."""
        return await self._with_token(
            lambda token: self.graph.batch(paths, token, self.budget, version)
        )

    async def download(self, path: str) -> bytes:
        """Return a report."""
        return await self._with_token(lambda token: self.graph.download(path, token, self.budget))

    async def keep_pace(self) -> None:
        """Wait until the next request to a paced resource may be sent."""
        pause = self._paced_at + self._pace - monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        self._paced_at = monotonic()

    async def _with_token[T](self, request: Callable[[str], Awaitable[T]]) -> T:
        """Send a request; if Graph no longer accepts the token, retry once with a fresh one."""
        try:
            return await request(await self.token(fresh=False))
        except GraphError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await request(await self.token(fresh=True))


def values_of(document: dict[str, Any]) -> list[Any]:
    """Return the items of a page.

    Raises:
        GraphError: The answer is no collection.
    """
    values = document.get("value")
    if not isinstance(values, list):
        raise GraphError(0, "the answer is no collection")
    return values
