"""The HTTP side of the host: requests to invocations, and what they return to responses."""

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.routing import RouteTable
from local.host.worker import Function, InvocationFailed, invoke, text

_log = logging.getLogger(__name__)


class HttpSide:
    """Serves the app's HTTP functions."""

    def __init__(self, routes: RouteTable) -> None:
        self._routes = routes
        self.in_flight = self.began = 0

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request by the function whose route takes it."""
        found = self._routes.find(request.method, request.rel_url.raw_path)
        if isinstance(found, frozenset):
            status, headers = (405, {"Allow": ", ".join(sorted(found))}) if found else (404, {})
            return web.Response(status=status, headers=headers)
        self.in_flight += 1
        self.began += 1
        try:
            return await self._invoke(request, *found)
        finally:
            self.in_flight -= 1

    async def _invoke(
        self, request: web.Request, function: Function, parameters: Mapping[str, str]
    ) -> web.Response:
        datum = await _datum(request, parameters)
        try:
            return _response(await invoke(function, datum))
        except InvocationFailed:
            _log.exception("%s failed", function.name)
            return web.Response(status=500)


async def _datum(request: web.Request, parameters: Mapping[str, str]) -> Datum:
    # ASP.NET joins a doubled parameter's values with a comma; the URL keeps both.
    query = {name: ",".join(request.query.getall(name)) for name in request.query}
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    value = {
        "method": text(request.method),
        "url": text(str(request.url)),
        "headers": {name: text(content) for name, content in headers.items()},
        "query": {name: text(content) for name, content in query.items()},
        "params": {name: text(content) for name, content in parameters.items()},
        "body": Datum(await request.read(), "bytes"),
    }
    return Datum(value, "http")


def _response(returned: Datum | None) -> web.Response:
    if returned is None:
        return web.Response(status=204)
    if returned.type == "string":
        return web.Response(text=returned.value)
    value: dict[str, Any] = returned.value
    headers = {name: datum.value for name, datum in value["headers"].items()}
    body: bytes = value["body"].value
    if not body:
        headers.pop("content-type", None)
    return web.Response(status=int(value["status_code"].value), headers=headers, body=body)
