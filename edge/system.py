"""Health, OpenAPI, and the answer to whatever no route takes."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

import azure.functions as func
from pydantic import ConfigDict, RootModel

from edge.answers import Answer, respond
from edge.errors import body_of
from edge.models import ApiModel, NoBody, NoQuery
from edge.openapi import document
from edge.requests import Request
from edge.routes import PUBLIC, Edge, Route, Routes, log_request
from edge.templates import matches

_log = logging.getLogger(__name__)
CATCH_ALL = "zz_unrouted"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class HealthAnswer(ApiModel):
    """Whether the app can do its work."""

    status: Literal["ok", "degraded"]
    storage: Literal["ok", "unreachable"]


class OpenApiAnswer(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(defer_build=True)


def system_functions(edge: Edge, probe: Callable[[], Awaitable[None]]) -> func.Blueprint:
    """Return the functions that belong to no area.

    Args:
        probe: Reads from storage; raises when it is out of reach.
    """
    routes = edge.routes("system")
    _health(routes, probe)
    _openapi(routes, edge)
    _unrouted(routes, edge)
    return routes.blueprint


def _health(routes: Routes, probe: Callable[[], Awaitable[None]]) -> None:
    @routes.route("GET", "health", PUBLIC, answers={200: HealthAnswer, 503: HealthAnswer})
    async def health(request: Request[NoBody, NoQuery]) -> Answer:  # noqa: ARG001  a route's shape
        try:
            await probe()
        except Exception:  # noqa: BLE001  whatever it is, storage is out of reach
            _log.exception("storage cannot be reached")
            return Answer(503, HealthAnswer(status="degraded", storage="unreachable"))
        return Answer(200, HealthAnswer(status="ok", storage="ok"))


def _openapi(routes: Routes, edge: Edge) -> None:
    @routes.route("GET", "openapi.json", PUBLIC, answers={200: OpenApiAnswer})
    async def openapi(request: Request[NoBody, NoQuery]) -> Answer:  # noqa: ARG001  a route's shape
        return Answer(200, OpenApiAnswer(document(edge.catalogue)))


def _unrouted(routes: Routes, edge: Edge) -> None:
    """Take what no other route does.

    The Functions host tries routes in the order of their functions' names, so that this one's has
    to sort after all others. By itself it answers a wrong method with 404 and without a body.
    """

    async def unrouted(req: func.HttpRequest) -> func.HttpResponse:
        request_id, began = str(uuid4()), time.perf_counter()
        response = _not_taken(edge, req.route_params.get("path") or "", request_id)
        log_request(req.method, "{*path}", response.status_code, request_id, began)
        return response

    routes.register(CATCH_ALL, "{*path}", _METHODS, unrouted)


def _not_taken(edge: Edge, path: str, request_id: str) -> func.HttpResponse:
    allowed = allowed_methods(edge.catalogue, path)
    if allowed:
        body = body_of(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address takes other methods.",
            request_id,
        )
        return respond(405, json.dumps(body), request_id, {"Allow": ", ".join(allowed)})
    body = body_of(HTTPStatus.NOT_FOUND, "not_found", "No such address.", request_id)
    return respond(404, json.dumps(body), request_id)


def allowed_methods(catalogue: Iterable[Route], path: str) -> list[str]:
    """Return the methods of the routes that the decoded path matches, in any case."""
    found = [route for route in catalogue if matches(route.path, path)]
    return sorted({method for route in found for method in route.methods})
