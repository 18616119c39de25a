"""Routes: declared with their permission and models, served through one boundary.

Deny by default: a route cannot be declared without a permission, and only PUBLIC ones are
served without a token.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any
from uuid import uuid4

import azure.functions as func
from pydantic import BaseModel

from domain.errors import DomainError
from domain.identifiers import MspId
from domain.roles import Permission
from edge.answers import Answer, answered, failed, refused
from edge.authorization import Gate
from edge.models import ListQuery, NoBody, NoQuery
from edge.paging import Listing, PageTokens
from edge.requests import (
    Request,
    check_length,
    check_parameters,
    read_arguments,
    read_body,
    read_query,
)
from edge.templates import checked, plain_path
from telemetry import log_event, span

_log = logging.getLogger(__name__)


class Public(Enum):
    """The mark of a route that needs no token."""

    PUBLIC = "public"


PUBLIC = Public.PUBLIC


@dataclass(frozen=True, slots=True)
class Route:
    """A declared route, as OpenAPI shows it.

    Args:
        answers: The model of each good status, None where there is no body.
        media: The type of the file that the route answers instead of JSON, if it does.
        errors: Statuses beyond those that every such route can answer.
        raw_query: Whether the handler reads the query string itself; it takes no body.
        conditional: Whether it heeds `If-Match`.
    """

    method: str
    path: str
    name: str
    area: str
    permission: Permission | Public
    body: type[BaseModel]
    query: type[BaseModel]
    answers: Mapping[int, type[BaseModel] | None]
    errors: tuple[int, ...]
    body_optional: bool
    raw_query: bool
    conditional: bool
    summary: str
    media: str | None = None

    @property
    def methods(self) -> list[str]:
        """The methods that the route takes: HEAD goes with GET, and the host drops its body."""
        return [self.method, "HEAD"] if self.method == "GET" else [self.method]


type Handler[B, Q] = Callable[[Request[B, Q]], Awaitable[Answer]]


class Edge:
    """The HTTP edge of the app: the gate, and the catalogue of all routes."""

    def __init__(self, gate: Gate, page_tokens: PageTokens) -> None:
        self._gate, self._page_tokens = gate, page_tokens
        self.catalogue: list[Route] = []

    def routes(self, area: str) -> "Routes":
        """Return a new blueprint's routes."""
        return Routes(self, area)

    async def serve(
        self, route: Route, handler: Handler[Any, Any], req: func.HttpRequest
    ) -> func.HttpResponse:
        """Answer one request; whatever goes wrong becomes an answer here."""
        request_id, began = str(uuid4()), time.perf_counter()
        with span(route.name, request_id=request_id) as current:
            response = await self._answer(route, handler, req, request_id)
            current.set_attribute("status", response.status_code)
        log_request(req.method, plain_path(route.path), response.status_code, request_id, began)
        return response

    async def _answer(
        self, route: Route, handler: Handler[Any, Any], req: func.HttpRequest, request_id: str
    ) -> func.HttpResponse:
        try:
            try:
                return answered(await handler(await self._read(route, req, request_id)), request_id)
            except DomainError as error:
                return refused(error, request_id)
        except Exception:  # noqa: BLE001  the boundary: nothing gets past it, not even a refusal's own fault
            _log.exception("unexpected error in %s, request %s", route.name, request_id)
            return failed(request_id)

    async def _read(
        self, route: Route, req: func.HttpRequest, request_id: str
    ) -> Request[Any, Any]:
        headers = {name.lower(): value for name, value in req.headers.items()}
        caller = None
        if isinstance(route.permission, Permission):
            caller = await self._gate.admit(headers.get("authorization"), route.permission)
        check_parameters(req.route_params)
        if route.body is not NoBody:
            check_length(headers)
        arguments = read_arguments(req.url)
        msp_id = caller.msp_id if caller else MspId("")
        listing = Listing(route.name, msp_id, req.route_params, arguments)
        query = NoQuery() if route.raw_query else read_query(route.query, arguments)
        if isinstance(query, ListQuery) and query.page_token is not None:
            query.page_token = self._page_tokens.read(listing, query.page_token)
        return Request(
            request_id=request_id,
            method=req.method,
            url=req.url,
            headers=headers,
            path=dict(req.route_params),
            arguments=arguments,
            body=NoBody()
            if route.raw_query
            else read_body(route.body, req, optional=route.body_optional),
            query=query,
            known_caller=caller,
            sign_position=partial(self._page_tokens.write, listing),
        )


class Routes:
    """One area's routes, on a blueprint of their own."""

    def __init__(self, edge: Edge, area: str) -> None:
        self._edge, self._area = edge, area
        self.blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # it has no types

    def route[B: BaseModel, Q: BaseModel](  # noqa: PLR0913  what a route is, all of it by name
        self,
        method: str,
        path: str,
        permission: Permission | Public,
        *,
        answers: Mapping[int, type[BaseModel] | None],
        body: type[B] = NoBody,  # type: ignore[assignment]  # the default narrows B
        query: type[Q] = NoQuery,  # type: ignore[assignment]  # the default narrows Q
        errors: tuple[int, ...] = (),
        body_optional: bool = False,
        raw_query: type[BaseModel] | None = None,
        conditional: bool = False,
        media: str | None = None,
    ) -> Callable[[Handler[B, Q]], Handler[B, Q]]:
        """Declare a route and register its trigger.

        Args:
            raw_query: The model of a query string that the handler reads itself: it is shown, and
                checks nothing.
        """

        def declare(handler: Handler[B, Q]) -> Handler[B, Q]:
            name = getattr(handler, "__name__", "").removesuffix("_route")
            route = Route(
                method=method,
                path=checked(path),
                name=name,
                area=self._area,
                permission=permission,
                body=body,
                query=raw_query or query,
                answers=answers,
                errors=errors,
                body_optional=body_optional or body is NoBody,
                raw_query=raw_query is not None,
                conditional=conditional,
                summary=name.replace("_", " ").capitalize(),
                media=media,
            )
            self._edge.catalogue.append(route)
            self.register(route.name, route.path, route.methods, self._trigger(route, handler))
            return handler

        return declare

    def _trigger(self, route: Route, handler: Handler[Any, Any]) -> Callable[..., Any]:
        # Microsoft's worker wants exactly the binding's parameters, plainly annotated.
        async def trigger(req: func.HttpRequest) -> func.HttpResponse:
            return await self._edge.serve(route, handler, req)

        return trigger

    def register(
        self, name: str, path: str, methods: list[str], trigger: Callable[..., Any]
    ) -> None:
        """Register a trigger with the Functions host under the name."""
        trigger.__name__ = name
        bind = self.blueprint.route(
            route=path, methods=methods, auth_level=func.AuthLevel.ANONYMOUS
        )
        self.blueprint.function_name(name)(bind(trigger))


def log_request(method: str, template: str, status: int, request_id: str, began: float) -> None:
    """Write a request's one line in the log.

    It names the route, not the address: a query string may hold a consent's state, and a path
    whom a request is about.

    Args:
        began: By `time.perf_counter`.
    """
    log_event(
        _log,
        "request",
        method=method,
        route=f"/{template}",
        status=status,
        requestId=request_id,
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
    )
