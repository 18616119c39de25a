"""`$batch`: up to 20 requests, each with its own status.

https://learn.microsoft.com/graph/json-batching
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.microsoft.answers import GraphAnswer, GraphRequest, error_answer

_MOST = 20

type Serve = Callable[[GraphRequest], Awaitable[GraphAnswer]]


async def answer_batch(body: Any, authorization: str, serve: Serve) -> GraphAnswer:
    """Answer a batch; a failing part does not affect the others."""
    parts = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or len(parts) > _MOST:
        return error_answer(400, "BadRequest", "A batch holds 1 to 20 requests.")
    ids = [str(part.get("id", "")).lower() for part in parts]
    if len(set(ids)) < len(ids) or "" in ids:
        return error_answer(400, "BadRequest", "Each request of a batch has an id of its own.")
    answers = await asyncio.gather(*(_part(part, authorization, serve) for part in parts))
    return GraphAnswer(200, {"responses": answers})


async def _part(part: dict[str, Any], authorization: str, serve: Serve) -> dict[str, Any]:
    url = urlsplit(part["url"])
    request = GraphRequest(
        part["method"].upper(),
        url.path,
        dict(parse_qsl(url.query)),
        authorization,
        part.get("body"),
    )
    answer = await serve(request)
    return {
        "id": part["id"],
        "status": answer.status,
        "headers": {"Content-Type": "application/json", **answer.headers},
        "body": answer.body,
    }
