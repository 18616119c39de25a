"""The web server of the host: Kestrel's limits, each with a response without a body.

https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/options
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, override

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

LARGEST_BODY = 100 * 1024 * 1024
_LONGEST_REQUEST_LINE = 8 * 1024
_LARGEST_HEADERS = 32 * 1024
# aiohttp's own limits must be higher, or it would send its own responses.
_LONGEST_OF_ALL = LARGEST_BODY

type Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


class HostServer(web.Server):
    """Serves requests as they were sent: nothing is decoded, redirected or decompressed.

    Args:
        handler: Answers the requests within the limits.
    """

    def __init__(self, handler: Handler) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            status = _refusal(request)
            return await handler(request) if status is None else _refused(status)

        super().__init__(
            answer,
            request_factory=self._request,
            access_log=None,
            auto_decompress=False,
            max_line_size=_LONGEST_OF_ALL,
            max_field_size=_LONGEST_OF_ALL,
            max_headers=_LONGEST_OF_ALL,
        )

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        connection: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message,
            payload,
            connection,
            writer,
            task,
            self._loop,
            client_max_size=LARGEST_BODY,
        )

    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """A connection that answers malformed HTTP with a response without a body."""

    __slots__ = ()

    @override
    def handle_error(self, *arguments: Any, **named: Any) -> web.StreamResponse:
        return _refused(super().handle_error(*arguments, **named).status)


def _refusal(request: web.BaseRequest) -> int | None:
    """Return the error status of a request that reaches no function, or None if it may."""
    # The method and the version, with their blanks and the line's end.
    if len(request.method) + len(request.raw_path) + len("  HTTP/1.1\r\n") > _LONGEST_REQUEST_LINE:
        return 414
    headers = request.raw_headers
    if sum(len(name) + len(value) + len(": \r\n") for name, value in headers) > _LARGEST_HEADERS:
        return 431
    ascii_only = all(name.isascii() and value.isascii() for name, value in headers)
    return None if ascii_only and request.raw_path.isascii() else 400


def _refused(status: int) -> web.Response:
    """Answer without a body, and close: the rest of the connection cannot be trusted."""
    response = web.Response(status=status)
    response.force_close()
    return response
