"""The host as a process: `python -m local.host --port 7071 [--app FOLDER]`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from local.host.http import HttpSide
from local.host.queues import QueueOptions, QueueSide
from local.host.routing import RouteTable
from local.host.timers import Timer
from local.host.worker import Function, InvocationFailed, index, invoke, text

_log = logging.getLogger(__name__)
_LARGEST_REQUEST = 100 * 1024 * 1024


class Host:
    """The functions of one app, with what triggers them."""

    def __init__(self, functions: list[Function], host_json: dict[str, object]) -> None:
        extensions = host_json.get("extensions", {})
        http = extensions.get("http", {}) if isinstance(extensions, dict) else {}
        self._functions = {function.name: function for function in functions}
        self._http = HttpSide(RouteTable(functions, http.get("routePrefix", "api")))
        self._timers = {f.name: Timer(f) for f in functions if f.kind == "timerTrigger"}
        self._firing: set[asyncio.Future[bool]] = set()
        options = QueueOptions.read(host_json)
        self._queues = [
            QueueSide(f, os.environ[f.trigger["connection"]], options)
            for f in functions
            if f.kind == "queueTrigger"
        ]

    def web_app(self) -> web.Application:
        """Return the web application: the admin endpoint, and everything else."""
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_get("/admin/functions", self._list)
        app.router.add_post("/admin/functions/{name}", self._fire)
        app.router.add_get("/admin/host/idle", self._idle)
        app.router.add_route("*", "/{path:.*}", self._http.handle)
        return app

    async def run(self) -> None:
        """Serve queues and timers until cancelled."""
        timers = [] if os.environ.get("LOCAL_TIMERS") == "off" else list(self._timers.values())
        try:
            await asyncio.gather(
                *(timer.run() for timer in timers), *(queue.run() for queue in self._queues)
            )
        finally:
            await asyncio.gather(*(queue.close() for queue in self._queues))

    async def _list(self, _request: web.Request) -> web.Response:
        found = [{"name": f.name, "trigger": f.trigger} for f in self._functions.values()]
        return web.json_response(found)

    async def _fire(self, request: web.Request) -> web.Response:
        """Fire a function as Azure's admin endpoint does: 202 at once.

        With `Prefer: wait`, which Azure does not know, 200 once it has ended, 500 if it failed.
        """
        function = self._functions.get(request.match_info["name"])
        if function is None or function.kind == "httpTrigger":
            return web.Response(status=404)
        body = await request.json() if request.can_read_body else {}
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

    async def _idle(self, _request: web.Request) -> web.Response:
        """Tell whether no message is to be seen and nothing is under way (ours, for tests).

        Messages that are not visible yet, and what a timer does on schedule, do not count.

        What was under way before the first queue was looked at, or began before the last one was,
        may have put a message on one of them meanwhile.
        """
        sides: list[HttpSide | QueueSide] = [self._http, *self._queues]
        began = sum(side.began for side in sides)
        quiet = not self._firing and not any(side.in_flight for side in sides)
        empty = all(await asyncio.gather(*(queue.is_empty() for queue in self._queues)))
        quiet = quiet and sum(side.began for side in sides) == began
        return web.json_response({"idle": quiet and empty})


async def _serve(port: int, folder: Path) -> None:
    host_json = json.loads((folder / "host.json").read_text())
    host = Host(index(folder), host_json)
    runner = web.AppRunner(host.web_app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f'ready {{"api": "http://127.0.0.1:{runner.addresses[0][1]}"}}', flush=True)
    running = asyncio.ensure_future(host.run())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    await runner.cleanup()


def main(arguments: list[str] | None = None) -> int:
    """Run the host until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--app", type=Path, default=Path.cwd())
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    asyncio.run(_serve(options.port, options.app.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
