"""Answers: the results of handlers, and how they and all errors become HTTP responses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import azure.functions as func
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from domain.errors import DomainError, MalformedInput, Protected
from edge.errors import body_of, headers_of, status_of


@dataclass(frozen=True, slots=True)
class Content:
    """A file as an answer.

    Args:
        name: The file name for browsers; plain ASCII.
    """

    data: bytes
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a handler."""

    status: int
    body: BaseModel | Content | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _written(body: BaseModel) -> str:
    """Return a body as JSON.

    A lone surrogate, which a truncated name may contain, is escaped.
    """
    try:
        return body.model_dump_json(by_alias=True)
    except PydanticSerializationError:
        return json.dumps(body.model_dump(mode="json", by_alias=True))


def respond(
    status: int, body: str | None, request_id: str, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """Return a response with the headers that every response has."""
    return func.HttpResponse(
        body=body,
        status_code=status,
        mimetype="application/json" if body is not None else None,
        headers={**_headers(request_id), **(headers or {})},
    )


def _headers(request_id: str) -> dict[str, str]:
    return {
        "x-request-id": request_id,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def answered(answer: Answer, request_id: str) -> func.HttpResponse:
    """Return a handler's answer as an HTTP response."""
    if isinstance(answer.body, Content):
        return _file(answer.status, answer.body, request_id)
    body = _written(answer.body) if answer.body else None
    return respond(answer.status, body, request_id, answer.headers)


def _file(status: int, content: Content, request_id: str) -> func.HttpResponse:
    disposition = f'attachment; filename="{content.name}"'
    headers = {**_headers(request_id), "Content-Disposition": disposition}
    return func.HttpResponse(
        body=content.data, status_code=status, mimetype=content.media_type, headers=headers
    )


def refused(error: DomainError, request_id: str) -> func.HttpResponse:
    """Return the response for an error: its status, code and message."""
    status, code = status_of(error)
    problems = error.problems if isinstance(error, MalformedInput) else ()
    message = "The request is malformed." if problems else str(error)
    reasons = error.reasons if isinstance(error, Protected) else ()
    body = body_of(status, code, message, request_id, problems, reasons)
    return respond(status, json.dumps(body), request_id, headers_of(error))


def failed(request_id: str) -> func.HttpResponse:
    """Return the response for an unexpected error."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = body_of(status, "internal_error", "Something went wrong here.", request_id)
    return respond(status, json.dumps(body), request_id)
