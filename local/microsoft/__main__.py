"""The simulated Microsoft as a process: `python -m local.microsoft --port 7443 --run-dir DIR`."""

import argparse
import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web

from local.microsoft.answers import GraphAnswer, GraphRequest
from local.microsoft.batch import answer_batch
from local.microsoft.control import Control
from local.microsoft.entra import Entra
from local.microsoft.faults import Asked, delay, fault_answer, is_answer, matching, record
from local.microsoft.graph import Graph
from local.microsoft.managed_identity import ManagedIdentity
from local.microsoft.state import Microsoft
from local.microsoft.tokens import SigningKeys


class Server:
    """Entra, Graph and control on one port."""

    def __init__(self, microsoft: Microsoft) -> None:
        self._microsoft = microsoft
        keys = SigningKeys()
        self._graph = Graph(microsoft, keys)
        self._entra, self._control = Entra(microsoft, keys), Control(microsoft, keys)
        self._identity = ManagedIdentity(microsoft, keys)

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self._watch], client_max_size=8 * 1024 * 1024)
        self._control.add_to(app)
        app.router.add_post("/v1.0/$batch", self._batch)
        app.router.add_route("*", "/v1.0/{path:.*}", self._single)
        self._identity.add_to(app)
        self._entra.add_to(app)
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Apply a fault, or answer; record the request."""
        if request.path.startswith("/_control"):
            return await handler(request)  # type: ignore[no-any-return]
        asked = _asked(request)
        fault = matching(self._microsoft, asked)
        if fault:
            await delay(fault)
        response: web.Response | None = None
        if fault is None or not is_answer(fault) or fault.get("applied"):
            response = await handler(request)
        if fault and fault.get("disconnect"):
            record(self._microsoft, asked, 0)
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        if response is None or (fault and is_answer(fault)):
            response = _web(fault_answer(fault or {}))
        record(self._microsoft, asked, response.status)
        return _truncated(response) if fault and fault.get("truncate") else response

    async def _single(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        asked = GraphRequest(
            request.method,
            request.path.removeprefix("/v1.0"),
            dict(request.query),
            request.headers.get("Authorization", ""),
            body,
            request.headers.get("If-Match"),
            request.headers.get("Prefer", ""),
        )
        return _web(await self._graph.answer(asked))

    async def _batch(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        body = await request.json()

        async def serve(part: GraphRequest) -> GraphAnswer:
            tenant_id, app_id = _from_token(authorization)
            asked = Asked(
                part.method,
                f"/v1.0{part.path}",
                urlencode(part.query),
                tenant_id,
                app_id,
                {},
                in_batch=True,
            )
            fault = matching(self._microsoft, asked)
            if fault is None or not is_answer(fault) or fault.get("applied"):
                answer = await self._graph.answer(part)
            if fault and is_answer(fault):
                answer = fault_answer(fault)
            record(self._microsoft, asked, answer.status)
            return answer

        return _web(await answer_batch(body, authorization, serve))


def _asked(request: web.Request) -> Asked:
    tenant_id, app_id = _from_token(request.headers.get("Authorization", ""))
    if tenant_id is None and not request.path.startswith("/v1.0"):
        tenant_id = request.path.split("/")[1].lower()
    return Asked(
        request.method,
        request.path,
        request.query_string if request.path.startswith("/v1.0") else "",
        tenant_id,
        app_id,
        dict(request.headers),
    )


def _from_token(authorization: str) -> tuple[str | None, str | None]:
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "), options={"verify_signature": False}
        )
    except jwt.PyJWTError:
        return None, None
    return claims.get("tid"), claims.get("appid")


def _web(answer: GraphAnswer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


def _truncated(response: web.Response) -> web.Response:
    body = response.body if isinstance(response.body, bytes) else b""
    return web.Response(
        body=body[: len(body) // 2], status=response.status, content_type="application/json"
    )


async def _serve(port: int, run_dir: Path) -> None:
    microsoft = Microsoft.seeded("", run_dir)
    runner = web.AppRunner(Server(microsoft).app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(run_dir / "server.pem")
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    bound = runner.addresses[0][1]
    microsoft.origin = f"https://localhost:{bound}"
    print("ready " + json.dumps({"microsoft": f"https://127.0.0.1:{bound}"}), flush=True)
    stop = asyncio.Event()
    for received in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(received, stop.set)
    await stop.wait()
    await runner.cleanup()


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
