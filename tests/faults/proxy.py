"""A proxy in front of Azurite: counts the app's writes, and kills the app at a chosen one."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import web
from yarl import URL

_BUSY = {"odata.error": {"code": "ServerBusy", "message": {"value": "The server is busy."}}}
_HOP_BY_HOP = {"transfer-encoding", "connection", "keep-alive", "content-length"}


@dataclass(slots=True)
class Kill:
    """When the process is killed.

    Args:
        at: Which write, counted from 1.
        after: Whether the write still reaches storage, and only its response is lost.
        pid: Returns the process ID to kill.
    """

    at: int
    after: bool
    pid: Callable[[], int]


class WriteCounter:
    """Counts the writes of all proxies that share it.

    Args:
        busy_every: Every n-th request is refused, as Azure Storage does when it is busy.
    """

    def __init__(self, busy_every: int | None = None) -> None:
        self.count = self.requests = 0
        self.kill: Kill | None = None
        self._busy_every = busy_every

    def restart(self, kill: Kill | None = None) -> None:
        """Restart the count, and kill at the given write, if any."""
        self.count, self.kill = 0, kill

    def is_busy(self) -> bool:
        """Count a request; return whether it is refused."""
        self.requests += 1
        return self._busy_every is not None and self.requests % self._busy_every == 0

    def is_last(self, request: web.Request) -> Kill | None:
        """Count a write; return the kill if this is the one."""
        if request.method in ("GET", "HEAD"):
            return None
        self.count += 1
        return self.kill if self.kill and self.count == self.kill.at else None


class Proxy:
    """Forwards to one of Azurite's ports."""

    def __init__(self, counter: WriteCounter, target: Callable[[], int]) -> None:
        self._counter, self._target = counter, target
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop listening."""
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self._counter.is_busy():
            return web.json_response(_BUSY, status=503)
        kill = self._counter.is_last(request)
        if kill and not kill.after:
            os.kill(kill.pid(), signal.SIGKILL)
            return web.Response(status=500)
        response = await self._forward(request)
        if kill:
            os.kill(kill.pid(), signal.SIGKILL)
        return response

    async def _forward(self, request: web.Request) -> web.Response:
        url = f"http://127.0.0.1:{self._target()}{request.raw_path}"
        headers = {k: v for k, v in request.headers.items() if k.lower() != "connection"}
        async with self._session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=await request.read(),
            skip_auto_headers=("Content-Type", "Accept", "User-Agent", "Accept-Encoding"),
        ) as response:
            kept = {k: v for k, v in response.headers.items() if k.lower() not in _HOP_BY_HOP}
            return web.Response(status=response.status, headers=kept, body=await response.read())
