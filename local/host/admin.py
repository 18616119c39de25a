"""The host's own paths, which never reach the app: firing functions, and queries for tests."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import web

from local.host.timers import Timer
from local.host.worker import Function, InvocationFailed, invoke, text

_log = logging.getLogger(__name__)
_OWN = ("/admin/", "/runtime/webhooks/")


def is_admins(path: str) -> bool:
    """Return whether a decoded path belongs to the host."""
    return path.lower().startswith(_OWN)


class Side(Protocol):
    """A part of the host that counts its invocations."""

    in_flight: int
    began: int


class Queue(Side, Protocol):
    """A part of the host that receives messages."""

    async def is_empty(self) -> bool:
        """Return whether no message is visible."""
        ...


class Admin:
    """Serves the host's own paths; the keys that Azure requires do not exist here."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        timers: Mapping[str, Timer],
        http: Side,
        queues: Sequence[Queue],
    ) -> None:
        self._functions, self._timers = functions, timers
        self._http, self._queues = http, queues
        self._firing: set[asyncio.Future[bool]] = set()

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answer one request; any other path requires a key, which nobody has."""
        match request.method, path.split("/")[1:]:
            case "GET", ["admin", "functions"]:
                return self._list()
            case "GET", ["admin", "host", "idle"]:
                return await self._idle()
            case "POST", ["admin", "functions", name]:
                return await self._fire(name, request)
        return web.Response(status=401)

    def _list(self) -> web.Response:
        found = [{"name": f.name, "trigger": f.trigger} for f in self._functions.values()]
        return web.json_response(found)

    async def _fire(self, name: str, request: web.BaseRequest) -> web.Response:
        """Fire a function as Azure's admin endpoint does: 202 at once.

        With `Prefer: wait`, which Azure does not know, 200 once it has ended, 500 if it failed.
        """
        function = self._functions.get(name)
        if function is None or function.kind == "httpTrigger":
            return web.Response(status=404)
        sent = await request.read()
        body = json.loads(sent) if sent else {}
        firing = asyncio.ensure_future(self._invoke(function, str(body.get("input") or "")))
        self._firing.add(firing)
        firing.add_done_callback(self._firing.discard)
        if request.headers.get("Prefer") != "wait":
            return web.Response(status=202)
        succeeded = await firing
        answer = {"status": "succeeded" if succeeded else "failed"}
        return web.json_response(answer, status=200 if succeeded else 500)

    async def _invoke(self, function: Function, value: str) -> bool:
        try:
            if function.name in self._timers:
                await self._timers[function.name].fire()
            else:
                await invoke(function, text(value))
        except InvocationFailed:
            _log.exception("%s failed", function.name)
            return False
        return True

    async def _idle(self) -> web.Response:
        """Return whether no message is visible and no invocation runs (not in Azure; for tests).

        Messages that are not visible yet, and scheduled runs of timers, do not count.

        Invocations are counted before and after the queues are checked: one that was running, or
        started in between, may have sent a message to a queue that was already checked.
        """
        sides = [self._http, *self._queues]
        began = sum(side.began for side in sides)
        quiet = not self._firing and not any(side.in_flight for side in sides)
        empty = all(await asyncio.gather(*(queue.is_empty() for queue in self._queues)))
        quiet = quiet and sum(side.began for side in sides) == began
        return web.json_response({"idle": quiet and empty})
