"""Health, OpenAPI, and the answer to requests that match no route."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

import azure.functions as func
from pydantic import ConfigDict, RootModel

from edge.answers import Answer, respond
from edge.errors import body_of
from edge.models import ApiModel
from edge.openapi import document
from edge.requests import PublicRequest
from edge.routes import Edge, Route, RouteTable, log_request, register
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


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """The ports of the routes.

    Args:
        probe: Reads from storage; raises an error if it cannot be reached.
        catalogue: All routes of the app.
    """

    probe: Callable[[], Awaitable[None]]
    catalogue: Sequence[Route]


routes = RouteTable[SystemPorts]("system")


@routes.public("GET", "health", answers={200: HealthAnswer, 503: HealthAnswer})
async def health(ports: SystemPorts, _request: PublicRequest) -> Answer:
    """Return whether the app can work."""
    try:
        await ports.probe()
    except Exception:  # noqa: BLE001  any error means that storage cannot be reached
        _log.exception("storage cannot be reached")
        return Answer(503, HealthAnswer(status="degraded", storage="unreachable"))
    return Answer(200, HealthAnswer(status="ok", storage="ok"))


@routes.public("GET", "openapi.json", answers={200: OpenApiAnswer})
async def openapi(ports: SystemPorts, _request: PublicRequest) -> Answer:
    """Describe all routes."""
    return Answer(200, OpenApiAnswer(document(ports.catalogue)))


def system_functions(edge: Edge, probe: Callable[[], Awaitable[None]]) -> func.Blueprint:
    """Return the functions that belong to no area.

    The Functions host tries routes in the order of their functions' names, so the name of the
    catch-all must sort after all others. Without the catch-all, the host answers a wrong method
    with 404 and no body.

    Args:
        probe: Reads from storage; raises an error if it cannot be reached.
    """
    blueprint = routes.bind(edge, SystemPorts(probe, edge.catalogue))

    async def unrouted(req: func.HttpRequest) -> func.HttpResponse:
        request_id, began = str(uuid4()), time.perf_counter()
        response = _not_taken(edge, req.route_params.get("path") or "", request_id)
        log_request(req.method, "{*path}", response.status_code, request_id, began)
        return response

    register(blueprint, CATCH_ALL, "{*path}", _METHODS, unrouted)
    return blueprint


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
    """Return the methods of the routes that match the decoded path, ignoring case."""
    found = [route for route in catalogue if matches(route.path, path)]
    return sorted({method for route in found for method in route.methods})
