"""Routes: declared with their permission and models, and all served in the same way.

Access is denied by default: a staff route cannot be declared without a permission, and only routes
that are declared as public are served without a token.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, Unpack
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
    PublicRequest,
    StaffRequest,
    check_length,
    check_parameters,
    read_arguments,
    read_body,
    read_query,
)
from edge.templates import checked, plain_path
from telemetry import log_event, span

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A declared route, as OpenAPI shows it.

    Args:
        permission: The permission that the caller needs; None for a public route.
        answers: The model of each success status; None if there is no body.
        media: The media type, if the route returns a file instead of JSON.
        errors: Error statuses in addition to those that every such route can return.
        raw_query: Whether the handler reads the query string itself; such a route has no body.
        conditional: Whether it supports `If-Match`.
        idempotent: Whether it supports `Idempotency-Key`.
    """

    method: str
    path: str
    name: str
    area: str
    permission: Permission | None
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] = NoBody
    query: type[BaseModel] = NoQuery
    errors: tuple[int, ...] = ()
    body_optional: bool = False
    raw_query: bool = False
    conditional: bool = False
    idempotent: bool = False
    media: str | None = None

    @property
    def methods(self) -> list[str]:
        """The route's methods: GET includes HEAD, for which the host drops the body."""
        return [self.method, "HEAD"] if self.method == "GET" else [self.method]

    @property
    def all_errors(self) -> set[int]:
        """The declared error statuses, and those of the headers that the route supports."""
        return {
            *self.errors,
            *([412] if self.conditional else []),
            *([422] if self.idempotent else []),
        }

    @property
    def summary(self) -> str:
        """The route's name as a sentence."""
        return self.name.replace("_", " ").capitalize()


type StaffHandler[P, B, Q] = Callable[[P, StaffRequest[B, Q]], Awaitable[Answer]]
type PublicHandler[P] = Callable[[P, PublicRequest], Awaitable[Answer]]


class _More(TypedDict, total=False):
    """What few routes have."""

    body_optional: bool
    conditional: bool
    idempotent: bool
    media: str


class RouteTable[P]:
    """The routes of one area: declared at module level, bound to the area's ports later.

    Args:
        area: The area's name in OpenAPI.
    """

    def __init__(self, area: str) -> None:
        self._area = area
        self._declared: list[tuple[Route, Callable[[P, Any], Awaitable[Answer]]]] = []

    def route[B: BaseModel, Q: BaseModel](  # noqa: PLR0913  the properties of a route, by name
        self,
        method: str,
        path: str,
        permission: Permission,
        *,
        answers: Mapping[int, type[BaseModel] | None],
        body: type[B] = NoBody,  # type: ignore[assignment]  # the default narrows B
        query: type[Q] = NoQuery,  # type: ignore[assignment]  # the default narrows Q
        errors: tuple[int, ...] = (),
        **more: Unpack[_More],
    ) -> Callable[[StaffHandler[P, B, Q]], StaffHandler[P, B, Q]]:
        """Declare a route for staff.

        Args:
            more: The route's `body_optional`, `conditional`, `idempotent` and `media`.
        """
        facts = {"body": body, "query": query, "errors": errors, **more}

        def declare(handler: StaffHandler[P, B, Q]) -> StaffHandler[P, B, Q]:
            self._declare(handler, method, path, permission=permission, answers=answers, **facts)
            return handler

        return declare

    def public(
        self,
        method: str,
        path: str,
        *,
        answers: Mapping[int, type[BaseModel] | None],
        raw_query: type[BaseModel] | None = None,
    ) -> Callable[[PublicHandler[P]], PublicHandler[P]]:
        """Declare a route that needs no token.

        Args:
            raw_query: Only documents a query string that the handler reads itself.
        """
        facts = {"query": raw_query or NoQuery, "raw_query": raw_query is not None}

        def declare(handler: PublicHandler[P]) -> PublicHandler[P]:
            self._declare(handler, method, path, permission=None, answers=answers, **facts)
            return handler

        return declare

    def _declare(
        self, handler: Callable[[P, Any], Awaitable[Answer]], method: str, path: str, **facts: Any
    ) -> None:
        name = getattr(handler, "__name__", "").removesuffix("_route")
        facts["body_optional"] = facts.get("body_optional") or facts.get("body") in (None, NoBody)
        route = Route(method=method, path=checked(path), name=name, area=self._area, **facts)
        self._declared.append((route, handler))

    def bind(self, edge: "Edge", ports: P) -> func.Blueprint:
        """Return the functions of the routes, bound to the area's ports."""
        blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # it has no types
        for route, handler in self._declared:
            edge.add(blueprint, route, partial(handler, ports))
        return blueprint


class Edge:
    """The HTTP edge of the app: the gate, and the catalogue of all routes."""

    def __init__(self, gate: Gate, page_tokens: PageTokens) -> None:
        self._gate, self._page_tokens = gate, page_tokens
        self.catalogue: list[Route] = []

    def add(
        self, blueprint: func.Blueprint, route: Route, handler: Callable[[Any], Awaitable[Answer]]
    ) -> None:
        """Register a route's function, and add the route to the catalogue."""

        # Microsoft's worker requires exactly the binding's parameters, with plain annotations.
        async def trigger(req: func.HttpRequest) -> func.HttpResponse:
            return await self._serve(route, handler, req)

        self.catalogue.append(route)
        register(blueprint, route.name, route.path, route.methods, trigger)

    async def _serve(
        self, route: Route, handler: Callable[[Any], Awaitable[Answer]], req: func.HttpRequest
    ) -> func.HttpResponse:
        """Answer one request; every error becomes a response here."""
        request_id, began = str(uuid4()), time.perf_counter()
        with span(route.name, request_id=request_id) as current:
            try:
                response = await self._answer(route, handler, req, request_id)
            except Exception:  # noqa: BLE001  the boundary handles every error, even one in `refused`
                _log.exception("unexpected error in %s, request %s", route.name, request_id)
                response = failed(request_id)
            current.set_attribute("status", response.status_code)
        log_request(req.method, plain_path(route.path), response.status_code, request_id, began)
        return response

    async def _answer(
        self,
        route: Route,
        handler: Callable[[Any], Awaitable[Answer]],
        req: func.HttpRequest,
        request_id: str,
    ) -> func.HttpResponse:
        try:
            return answered(await handler(await self._read(route, req, request_id)), request_id)
        except DomainError as error:
            return refused(error, request_id)

    async def _read(self, route: Route, req: func.HttpRequest, request_id: str) -> PublicRequest:
        """Return a request after all checks; the caller is checked first."""
        headers = {name.lower(): value for name, value in req.headers.items()}
        caller = None
        if route.permission is not None:
            caller = await self._gate.admit(headers.get("authorization"), route.permission)
        check_parameters(req.route_params)
        if route.body is not NoBody:
            check_length(headers)
        facts = {
            "request_id": request_id,
            "method": req.method,
            "url": req.url,
            "headers": headers,
            "path": dict(req.route_params),
            "arguments": read_arguments(req.url),
        }
        public = PublicRequest(**facts)
        if route.raw_query:
            return public
        query = read_query(route.query, public.arguments)
        msp_id = caller.msp_id if caller else MspId("")
        listing = Listing(route.name, msp_id, req.route_params, public.arguments)
        if isinstance(query, ListQuery) and query.page_token is not None:
            query.page_token = self._page_tokens.read(listing, query.page_token)
        body = read_body(route.body, req, optional=route.body_optional)
        if caller is None:
            return public
        sign = partial(self._page_tokens.write, listing)
        return StaffRequest(**facts, caller=caller, query=query, body=body, sign_position=sign)


def register(
    blueprint: func.Blueprint,
    name: str,
    path: str,
    methods: list[str],
    trigger: Callable[..., Any],
) -> None:
    """Register a trigger with the Functions host under the name."""
    trigger.__name__ = name
    bind = blueprint.route(route=path, methods=methods, auth_level=func.AuthLevel.ANONYMOUS)
    blueprint.function_name(name)(bind(trigger))


def log_request(method: str, template: str, status: int, request_id: str, began: float) -> None:
    """Write the single log line of a request.

    It contains the route's template, not the URL: a query string may contain the state of a
    consent, and a path may identify the person whom the request is about.

    Args:
        began: The start, from `time.perf_counter`.
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
