"""Reading a request: its caller, path, query and body, each validated once."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import azure.functions as func
from pydantic import BaseModel, ValidationError

from domain.audit import Actor, Cause
from domain.errors import (
    BodyTooLarge,
    LengthRequired,
    MalformedInput,
    NothingNamed,
    TenantNotFound,
)
from domain.identifiers import TenantId, parse_tenant_id
from edge.authorization import Caller
from edge.paging import PAGE_TOKEN

LARGEST_BODY = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRequest:
    """A request that needs no token, as a handler sees it.

    Args:
        path: The parameters of the route's template.
        arguments: The raw query string's arguments, each with all its values.
    """

    request_id: str
    method: str
    url: str
    headers: Mapping[str, str]
    path: Mapping[str, str]
    arguments: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRequest[B, Q](PublicRequest):
    """A request of a staff member, as a handler sees it: validated, and with its caller.

    Args:
        sign_position: Returns the page token of a position in the requested list.
    """

    caller: Caller
    body: B
    query: Q
    sign_position: Callable[[str], str]

    @property
    def tenant_id(self) -> TenantId:
        """The tenant that the path names.

        Raises:
            TenantNotFound: It is not a GUID, so there is no such tenant.
        """
        try:
            return parse_tenant_id(self.path["tenantId"])
        except MalformedInput:
            raise TenantNotFound("No such tenant.") from None

    def cause(self, at: datetime) -> Cause:
        """Return the caller's request as the cause of a change."""
        return Cause(Actor.staff(self.caller.member), at, self.request_id)

    def next_link(self, position: str | None) -> str | None:
        """Return the link of the next page, relative to this API; no header influences it."""
        if position is None:
            return None
        token = self.sign_position(position)
        query = urlencode({**self.arguments, PAGE_TOKEN: token}, doseq=True)
        return f"{urlsplit(self.url).path}?{query}"


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Refuse a path with parameters that the host could not decode.

    The host leaves `%2F` and invalid escapes unchanged; no name here contains a percent sign.

    Raises:
        NothingNamed: A parameter contains a percent sign.
    """
    if any("%" in value for value in parameters.values()):
        raise NothingNamed("No such address.")


def check_length(headers: Mapping[str, str]) -> None:
    """Refuse a body that is sent in chunks: the host would pass an empty one on.

    Raises:
        LengthRequired: There is a `Transfer-Encoding` header. It overrides a `Content-Length`
            (RFC 9112, 6.3), so a body with both headers is also sent in chunks. The local host
            itself refuses requests with both.
    """
    if "transfer-encoding" in headers:
        raise LengthRequired("Send the body with its Content-Length, not in chunks.")


def read_arguments(url: str) -> dict[str, list[str]]:
    """Return the raw query string's arguments.

    Raises:
        MalformedInput: The query string cannot be parsed.
    """
    try:
        return parse_qs(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        raise MalformedInput("query", "cannot be read") from None


def read_query[Q: BaseModel](model: type[Q], arguments: Mapping[str, list[str]]) -> Q:
    """Return the query as its model.

    Raises:
        MalformedInput: An argument is repeated, unknown or malformed.
    """
    for name, values in arguments.items():
        if len(values) > 1:
            raise MalformedInput(_shown(model, name), "stands more than once")
    return _validated(model, {name: values[0] for name, values in arguments.items()})


def read_body[B: BaseModel](model: type[B], request: func.HttpRequest, *, optional: bool) -> B:
    """Return the body as its model.

    Args:
        optional: Whether a missing body is treated as an empty object.

    Raises:
        BodyTooLarge: The body is larger than 256 KiB.
        MalformedInput: The body is not a JSON object, or has unknown or malformed fields.
    """
    raw = request.get_body() or b""
    if len(raw) > LARGEST_BODY:
        raise BodyTooLarge("The body is over 256 KiB.")
    if not raw.strip() and optional:
        return _validated(model, {})
    return _validated(model, _parsed(raw))


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedInput("body", "must be JSON") from None
    if not isinstance(body, dict):
        raise MalformedInput("body", "must be a JSON object")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _validated[M: BaseModel](model: type[M], values: dict[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        malformed = MalformedInput("body", "is malformed")
        malformed.problems = tuple(
            (_path(model, item["loc"], item["type"]), item["msg"])
            for item in error.errors(include_input=False, include_url=False)
        )
        raise malformed from None


def _path(model: type[BaseModel], location: tuple[int | str, ...], kind: str) -> str:
    """Return a field's dotted path; the name of an unknown field is the caller's own text."""
    if kind == "extra_forbidden":
        return _shown(model, str(location[-1]))
    return ".".join(str(part) for part in location)


def _shown(model: type[BaseModel], name: str) -> str:
    """Return a field's name if it is known, or short and plain enough to be a name."""
    known = {field.alias for field in model.model_fields.values()}
    plain = len(name) <= 64 and name.replace("_", "").isalnum() and name.isascii()  # noqa: PLR2004  a name's length
    return name if name in known or plain else "(unknown field)"
