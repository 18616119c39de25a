"""The host as a process: `python -m local.host --port 7071 [--app FOLDER] [--cors ORIGIN]`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from local.host.admin import Admin, is_admins
from local.host.cors import FrontEnd
from local.host.http import HttpSide
from local.host.paths import decoded_path, split_target
from local.host.queues import QueueOptions, QueueSide
from local.host.routing import RouteTable
from local.host.server import HostServer
from local.host.timers import Timer
from local.host.worker import Function, index


class Host:
    """The functions of one app, with their triggers."""

    def __init__(self, functions: list[Function], host_json: dict[str, object]) -> None:
        extensions = host_json.get("extensions", {})
        http = extensions.get("http", {}) if isinstance(extensions, dict) else {}
        self._http = HttpSide(RouteTable(functions, http.get("routePrefix", "api")))
        self._timers = {f.name: Timer(f) for f in functions if f.kind == "timerTrigger"}
        options = QueueOptions.read(host_json)
        self._queues = [
            QueueSide(f, os.environ[f.trigger["connection"]], options)
            for f in functions
            if f.kind == "queueTrigger"
        ]
        named = {function.name: function for function in functions}
        self._admin = Admin(named, self._timers, self._http, self._queues)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request: the host serves its own paths, the app everything else."""
        sent, query = split_target(request.raw_path)
        path = decoded_path(sent)
        if "\0" in path:
            return web.Response(status=400)
        if is_admins(path):
            return await self._admin.handle(request, path)
        return await self._http.handle(request, path, query)

    async def run(self) -> None:
        """Serve queues and timers until cancelled."""
        timers = [] if os.environ.get("LOCAL_TIMERS") == "off" else list(self._timers.values())
        try:
            await asyncio.gather(
                *(timer.run() for timer in timers),
                *(queue.run() for queue in self._queues),
                asyncio.Event().wait(),  # an app may have neither
            )
        finally:
            await asyncio.gather(*(queue.close() for queue in self._queues))


async def _serve(port: int, folder: Path, origin: str | None) -> None:
    host_json = json.loads((folder / "host.json").read_text())
    host = Host(index(folder), host_json)
    runner = web.ServerRunner(HostServer(FrontEnd(host.answer, origin).answer), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f'ready {{"api": "http://127.0.0.1:{runner.addresses[0][1]}"}}', flush=True)
    running = asyncio.ensure_future(host.run())
    stopped = asyncio.ensure_future(_stopped())
    ended, _ = await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    await runner.cleanup()
    if running in ended:
        running.result()


async def _stopped() -> None:
    """Wait for a signal to stop.

    Microsoft's host ignores SIGTERM on Linux, and is killed in the middle of its work. This host
    stops on SIGTERM, so that stacks shut down cleanly. Tests that kill it use SIGKILL.
    """
    stop = asyncio.Event()
    for received in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(received, stop.set)
    await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the host until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--app", type=Path, default=Path.cwd())
    parser.add_argument("--cors", help="the origin that may call from a browser")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(_serve(options.port, options.app.resolve(), options.cors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
