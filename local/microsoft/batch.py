"""`$batch`: up to 20 requests, each with its own status.

https://learn.microsoft.com/graph/json-batching
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.microsoft.answers import GraphAnswer, GraphRequest, error_answer

_MOST = 20
_WRITES = {"POST", "PATCH", "PUT"}

type Serve = Callable[[GraphRequest], Awaitable[GraphAnswer]]


async def answer_batch(body: Any, authorization: str, version: str, serve: Serve) -> GraphAnswer:
    """Answer a batch; a failing part affects only those that depend on it."""
    parts = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not 0 < len(parts) <= _MOST:
        return error_answer(400, "BadRequest", "A batch holds 1 to 20 requests.")
    ids = [str(part.get("id", "")).lower() for part in parts]
    if len(set(ids)) < len(ids) or "" in ids:
        return error_answer(400, "BadRequest", "Each request of a batch has an id of its own.")
    for part in parts:
        if part["method"].upper() in _WRITES and not _has_body(part):
            text = f"Write request id : {part['id']} does not contain Content-Type header or body."
            return error_answer(400, "BadRequest", text)
    running: dict[str, asyncio.Task[dict[str, Any]]] = {}
    for part in parts:
        request = _request(part, authorization, version)
        waits = [running[str(i).lower()] for i in part.get("dependsOn", ())]
        running[str(part["id"]).lower()] = asyncio.create_task(_part(part, request, waits, serve))
    return GraphAnswer(200, {"responses": await asyncio.gather(*running.values())})


def _has_body(part: dict[str, Any]) -> bool:
    names = {name.lower() for name in part.get("headers", {})}
    return "content-type" in names and "body" in part


def _request(part: dict[str, Any], authorization: str, version: str) -> GraphRequest:
    url = urlsplit(part["url"])
    headers = {name.lower(): value for name, value in part.get("headers", {}).items()}
    return GraphRequest(
        part["method"].upper(),
        f"/{unquote(url.path).lstrip('/')}",
        dict(parse_qsl(url.query)),
        authorization,
        part.get("body"),
        headers.get("if-match"),
        headers.get("prefer", ""),
        version,
    )


async def _part(
    part: dict[str, Any],
    request: GraphRequest,
    waits: list[asyncio.Task[dict[str, Any]]],
    serve: Serve,
) -> dict[str, Any]:
    """Return the answer to one part, after those that it depends on."""
    before = [await other for other in waits]
    if any(other["status"] >= 400 for other in before):
        answer = error_answer(424, "FailedDependency", "A request that it depends on failed.")
    else:
        answer = await serve(request)
    headers = {"Content-Type": "application/json", **answer.headers}
    said: dict[str, Any] = {"id": part["id"], "status": answer.status, "headers": headers}
    return said if answer.body is None else {**said, "body": answer.body}
