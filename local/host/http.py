"""The HTTP side of the host: converts requests to invocations, and their results to responses.

https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import HttpVersion11, web
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.paths import encoded_path, unescape
from local.host.routing import RouteTable
from local.host.server import LARGEST_BODY
from local.host.worker import Function, InvocationFailed, invoke, text

_log = logging.getLogger(__name__)


class HttpSide:
    """Serves the app's HTTP functions."""

    def __init__(self, routes: RouteTable) -> None:
        self._routes = routes
        self.in_flight = self.began = 0

    async def handle(self, request: web.BaseRequest, path: str, query: str) -> web.Response:
        """Answer one request with the function whose route matches it.

        Args:
            path: Decoded.
            query: As it was sent, with the question mark.
        """
        found = self._routes.find(request.method, path)
        if found is None:
            return web.Response(status=404)
        self.in_flight += 1
        self.began += 1
        try:
            return await self._invoke(request, f"{encoded_path(path)}{query}", *found)
        finally:
            self.in_flight -= 1

    async def _invoke(
        self,
        request: web.BaseRequest,
        address: str,
        function: Function,
        parameters: Mapping[str, str],
    ) -> web.Response:
        try:
            datum = _datum(request, address, parameters, await _body(request))
            return _response(await invoke(function, datum), request)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=500)
        except InvocationFailed:
            _log.exception("%s failed", function.name)
            return web.Response(status=500)


async def _body(request: web.BaseRequest) -> bytes:
    """Read the body. A body without a length is refused: the host requires the length.

    Raises:
        HTTPRequestEntityTooLarge: It is longer than the host accepts.
    """
    if not request.content_length:
        return b""
    if request.content_length > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length)
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


def _datum(
    request: web.BaseRequest, address: str, parameters: Mapping[str, str], body: bytes
) -> Datum:
    headers = _joined((name.lower(), value) for name, value in request.headers.items())
    query = _joined(_arguments(address.partition("?")[2]))
    value = {
        "method": text(request.method),
        "url": text(f"http://{request.headers.get('Host', '')}{address}"),
        "headers": {name: text(content) for name, content in headers.items()},
        "query": {name: text(content) for name, content in query.items() if content},
        "params": {name: text(content) for name, content in parameters.items()},
        "body": Datum(body, "bytes"),
    }
    return Datum(value, "http")


def _arguments(query: str) -> Iterator[tuple[str, str]]:
    for argument in filter(None, query.split("&")):
        name, _, value = argument.replace("+", " ").partition("=")
        yield unescape(name), unescape(value)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the values of a name, in any case, with commas, under its first spelling."""
    spellings: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(spellings.setdefault(name.lower(), name), []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def _response(returned: Datum | None, request: web.BaseRequest) -> web.Response:
    if returned is None:
        return web.Response(status=204)
    if returned.type == "string":
        return _sent(web.Response(text=returned.value), request)
    value: dict[str, Any] = returned.value
    headers = {name: datum.value for name, datum in value["headers"].items()}
    status = int(value["status_code"].value)
    return _sent(web.Response(status=status, headers=headers, body=value["body"].value), request)


def _sent(response: web.Response, request: web.BaseRequest) -> web.Response:
    """Send a body in chunks, if the client's HTTP version supports them."""
    if response.body and request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    return response
