"""The simulated Microsoft as a process: `python -m local.microsoft --port 7443 --run-dir DIR`."""

import argparse
import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path

from aiohttp import web

from local.microsoft.server import Server
from local.microsoft.state import Microsoft


async def _serve(port: int, run_dir: Path) -> None:
    microsoft = Microsoft.seeded("", run_dir)
    server = Server(microsoft)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(run_dir / "server.pem")
    runners = [_runner(server.app()), _runner(server.reports_service())]
    bound = await _start(runners[0], port, tls)
    microsoft.origin = f"https://localhost:{bound}"
    microsoft.downloads.origin = f"https://localhost:{await _start(runners[1], 0, tls)}"
    print("ready " + json.dumps({"microsoft": f"https://127.0.0.1:{bound}"}), flush=True)
    stop = asyncio.Event()
    for received in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(received, stop.set)
    await stop.wait()
    for runner in runners:
        await runner.cleanup()


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(app, access_log=None, shutdown_timeout=1)


async def _start(runner: web.AppRunner, port: int, tls: ssl.SSLContext) -> int:
    """Serve on a port, or on any free one for 0; return the port."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    return int(runner.addresses[0][1])


def main() -> int:
    """Run the simulation until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m local.microsoft", description=__doc__)
    parser.add_argument("--port", type=int, default=7443)
    parser.add_argument("--run-dir", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.run_dir))
    return 0


if __name__ == "__main__":
    sys.exit(main())
