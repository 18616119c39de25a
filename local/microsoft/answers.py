"""The requests and responses of the simulated Graph."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """A request to Graph, alone or part of a batch."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: Any = None
    if_match: str | None = None
    prefer: str = ""
    version: str = "v1.0"


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """A response of Graph."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An error response."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.answer = error_answer(status, code, message, headers)


def error_answer(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> GraphAnswer:
    """Return an error in Graph's format."""
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": str(uuid4()),
        "client-request-id": str(uuid4()),
    }
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return GraphAnswer(status, body, headers or {})


def collection(values: list[dict[str, Any]]) -> GraphAnswer:
    """Return all of a collection in one page."""
    return GraphAnswer(200, {"value": values})


def page_size(query: dict[str, str], default: int, largest: int) -> int:
    """Return the size of a page: as requested, but not larger than the largest.

    Raises:
        Refused: `$top` is not a number above zero.
    """
    text = query.get("$top", str(default))
    if not text.isdecimal() or int(text) == 0:
        raise Refused(400, "BadRequest", f"Invalid value '{text}' for $top query option found.")
    return min(int(text), largest)


def token(value: int) -> str:
    """Return a token that holds a number."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def opaque(token: str | None, default: int) -> int:
    """Return the number in one of the simulation's own tokens.

    Raises:
        Refused: It is not such a token.
    """
    if token is None:
        return default
    try:
        return int(json.loads(base64.urlsafe_b64decode(token)))
    except ValueError:
        raise Refused(400, "BadRequest", "The token is not valid.") from None


def link(origin: str, path: str, query: dict[str, str], name: str, value: int) -> str:
    """Return a link that continues with the same options."""
    kept = {key: text for key, text in query.items() if key in ("$select", "$top")}
    arguments = "&".join(f"{key}={text}" for key, text in {**kept, name: token(value)}.items())
    return f"{origin}/v1.0{path}?{arguments}"


def entra_error(code: int, error: str, message: str, status: int = 400) -> web.Response:
    """Return an error response in Entra's format."""
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {message}",
        "error_codes": [code],
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid4()),
        "correlation_id": str(uuid4()),
    }
    return web.json_response(body, status=status)
