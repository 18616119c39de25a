"""The simulated Microsoft's HTTP server: Entra ID, Graph, and control routes on one port."""

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
from local.microsoft.partner_center import PartnerCenter
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
        self._partner_center = PartnerCenter(microsoft, keys)

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self._watch], client_max_size=8 * 1024 * 1024)
        self._control.add_to(app)
        self._graph.administration.add_to(app)
        app.router.add_post("/{version:v1.0|beta}/$batch", self._batch)
        app.router.add_route("*", "/{version:v1.0|beta}/{path:.*}", self._single)
        self._identity.add_to(app)
        self._partner_center.add_to(app)
        self._entra.add_to(app)
        return app

    def reports_service(self) -> web.Application:
        """Return the web application of the origin from which reports are downloaded."""
        app = web.Application(middlewares=[self._watch])
        app.router.add_get("/data/download/{key}", self._microsoft.downloads.answer)
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
            record(self._microsoft, asked, 0, await _sent(request))
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        if response is None or (fault and is_answer(fault)):
            response = _web(fault_answer(fault or {}))
        record(self._microsoft, asked, response.status, await _sent(request))
        return _truncated(response) if fault and fault.get("truncate") else response

    async def _single(self, request: web.Request) -> web.Response:
        body = await _json(request)
        version = request.match_info["version"]
        asked = GraphRequest(
            request.method,
            request.path.removeprefix(f"/{version}"),
            dict(request.query),
            request.headers.get("Authorization", ""),
            body,
            request.headers.get("If-Match"),
            request.headers.get("Prefer", ""),
            version,
        )
        return _web(await self._graph.answer(asked))

    async def _batch(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        version, body = request.match_info["version"], await _json(request)

        async def serve(part: GraphRequest) -> GraphAnswer:
            tenant_id, app_id = _from_token(authorization)
            asked = Asked(
                part.method,
                f"/{version}{part.path}",
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
            record(self._microsoft, asked, answer.status, part.body)
            return answer

        return _web(await answer_batch(body, authorization, version, serve))


async def _json(request: web.Request) -> Any:
    """Return the body, or None if there is none or it is not JSON."""
    try:
        return await request.json() if request.can_read_body else None
    except ValueError:
        return None


async def _sent(request: web.Request) -> Any:
    """Return the JSON body of a write to Graph; anything else is not recorded."""
    is_write = request.method != "GET" and request.content_type == "application/json"
    return await _json(request) if is_write and "$batch" not in request.path else None


def _asked(request: web.Request) -> Asked:
    tenant_id, app_id = _from_token(request.headers.get("Authorization", ""))
    is_graph = request.path.startswith(("/v1.0", "/beta"))
    if tenant_id is None and not is_graph and not request.path.startswith("/data/"):
        tenant_id = request.path.split("/")[1].lower()
    return Asked(
        request.method,
        request.path,
        request.query_string if is_graph else "",
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
