"""A Graph whose answers a test lists, and which records what it is asked."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.graph.client import GraphClient


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: a JSON body, or text."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is not a part of a batch, or a whole batch.

    Args:
        paths: With version and query, not encoded; those of all parts if it is a batch.
        moment: In seconds of a monotonic clock.
    """

    paths: list[str]
    is_batch: bool
    authorization: str | None
    moment: float


def denied(code: str = "Authorization_RequestDenied", status: int = 403) -> Answer:
    """Return a refusal."""
    return Answer({"error": {"code": code, "message": "no"}}, status)


class ScriptedGraph:
    """Answers by path, with or without the query; the last answer of a list is repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.in_batches: dict[str, list[Answer]] = {}
        self.asked: list[Asked] = []
        self.origin = ""

    @property
    def batches(self) -> list[list[str]]:
        """The paths of the parts of each batch."""
        return [one.paths for one in self.asked if one.is_batch]

    @property
    def singles(self) -> list[str]:
        """The paths that were not asked for in a batch."""
        return [one.paths[0] for one in self.asked if not one.is_batch]

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request."""
        path, is_batch = unquote(request.path_qs), request.path.endswith("/$batch")
        parts = (await request.json())["requests"] if is_batch else []
        version = path.split("/")[1]
        paths = [f"/{version}{unquote(part['url'])}" for part in parts] if is_batch else [path]
        authorization = request.headers.get("Authorization")
        self.asked.append(Asked(paths, is_batch, authorization, time.monotonic()))
        if not is_batch:
            return _response(self._next(path))
        answers = [self._next(each, self.in_batches) for each in paths]
        return web.json_response(
            {
                "responses": [
                    {"id": part["id"], "status": a.status, "headers": a.headers, "body": a.body}
                    for part, a in zip(parts, answers, strict=True)
                ]
            }
        )

    def _next(self, path: str, first: dict[str, list[Answer]] | None = None) -> Answer:
        for answers in (first or {}, self.answers):
            for key in (path, path.partition("?")[0]):
                if found := answers.get(key):
                    return found.pop(0) if len(found) > 1 else found[0]
        return denied("ResourceNotFound", 404)


def _response(answer: Answer) -> web.Response:
    if isinstance(answer.body, str):
        return web.Response(text=answer.body, status=answer.status, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def scripted_graph() -> AsyncIterator[tuple[ScriptedGraph, GraphClient]]:
    """Serve a scripted Graph; yield it with a client of it."""
    scripted, app = ScriptedGraph(), web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.serve)
    async with TestServer(app) as server:
        scripted.origin = str(server.make_url("/")).rstrip("/")
        client = GraphClient(scripted.origin)
        yield scripted, client
        await client.close()
