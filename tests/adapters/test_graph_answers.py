"""Responses of odd shapes: how each is interpreted, and that none raises another error."""

import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.graph.answers import GraphError, read_part
from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget

TOKEN = "token"


class Odd:
    """A Graph that answers each request with the same bytes."""

    def __init__(self) -> None:
        self.body, self.status, self.headers = b"{}", 200, dict[str, str]()

    async def answer(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def odd() -> Odd:
    return Odd()


@pytest.fixture
async def client(odd: Odd) -> AsyncIterator[GraphClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", odd.answer)
    async with TestServer(app) as server:
        graph = GraphClient(str(server.make_url("")).rstrip("/"))
        yield graph
        await graph.close()


def test_an_error_passes_through_a_context_manager() -> None:
    @contextlib.contextmanager
    def around() -> Iterator[None]:
        yield

    with pytest.raises(GraphError, match="answered 503"), around():
        raise GraphError(503, "busy")


@pytest.mark.parametrize(
    ("body", "is_passing"),
    [
        (b'{"value": [', True),
        (b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", True),
        (b'{"value": NaN}', True),
        (b'{"value": ' + b"9" * 5000 + b"}", True),
        (b"\xff\xfe\x00", True),
        (b"[]", False),
        (b'"text"', False),
    ],
)
async def test_what_is_no_json_object_is_no_answer(
    client: GraphClient, odd: Odd, body: bytes, is_passing: bool
) -> None:
    odd.body = body
    with pytest.raises(GraphError) as refused:
        await client.get("/users", TOKEN)
    assert (refused.value.status, refused.value.is_passing) == (0, is_passing)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_content_encoding_that_is_not_true_is_no_answer(
    client: GraphClient, odd: Odd, encoding: str
) -> None:
    odd.body, odd.headers = b'{"value": []}', {"Content-Encoding": encoding}
    with pytest.raises(GraphError) as refused:
        await client.get("/users", TOKEN)
    assert refused.value.is_passing


async def test_a_compressed_answer_is_read(client: GraphClient, odd: Odd) -> None:
    odd.body, odd.headers = gzip.compress(b'{"value": []}'), {"Content-Encoding": "gzip"}
    assert await client.get("/users", TOKEN) == {"value": []}


@pytest.mark.parametrize(
    "error",
    [
        *(b"", b"{}", b"[]", b'{"error": 5}', b'{"error": {"code": 5}}'),
        *(b'{"error": {"code": "' + b"x" * 100_000 + b'"}}', b'{"error": {"code": "<b>"}}'),
        b'{"error": {"code": "\\ud800"}}',
    ],
)
async def test_an_error_shows_no_text_of_the_answers(
    client: GraphClient, odd: Odd, error: bytes
) -> None:
    odd.body, odd.status = error, 400
    with pytest.raises(GraphError) as refused:
        await client.get("/users", TOKEN)
    assert str(refused.value) == "Microsoft Graph answered 400 (no code)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("3", 3), ("2.128", 2.128), ("-5", 0), ("0", 0)),
        *(("inf", 3600), ("-inf", 0), ("9" * 400, 3600), ("7200", 3600)),
        *(("nan", None), ("", None), ("soon", None), ("Mon, 99 Foo 2026", None)),
        (format_datetime(datetime(1999, 1, 1, tzinfo=UTC), usegmt=True), 0),
        (format_datetime(datetime(9999, 1, 1, tzinfo=UTC), usegmt=True), 3600),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
    ],
)
async def test_a_wait_is_an_hour_at_most(text: str, seconds: float | None) -> None:
    for name in ("Retry-After", "retry-after", "RETRY-AFTER"):
        part = {"id": "a", "status": 429, "headers": {"Other": "1", name: text}}
        error = read_part(part)
        assert isinstance(error, GraphError)
        assert error.retry_after == seconds


async def test_a_wait_until_a_date_is_the_time_left() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = read_part({"status": 503, "headers": {"Retry-After": soon}})
    assert isinstance(error, GraphError)
    assert error.retry_after is not None
    assert 55 < error.retry_after <= 60


@pytest.mark.parametrize("value", [5, None, ["3"], {"a": 1}, True, 10**400])
def test_a_header_of_a_part_need_not_be_text(value: Any) -> None:
    error = read_part({"status": 429, "headers": {"Retry-After": value}})
    assert isinstance(error, GraphError)
    assert error.retry_after is None or 0 <= error.retry_after <= 3600


@pytest.mark.parametrize(
    "part",
    [
        *({}, {"status": "200", "body": {}}, {"status": None}, {"status": True, "body": {}}),
        *({"status": 200}, {"status": 200, "body": []}, {"status": 404, "headers": []}),
        {"status": 10**400, "body": "x", "headers": {"Retry-After": "1"}},
    ],
)
def test_a_part_of_an_odd_shape_is_an_error_of_that_part(part: dict[str, Any]) -> None:
    assert isinstance(read_part(part), GraphError)


@pytest.mark.parametrize(
    "responses",
    [
        b'{"responses": [5, null, [], {"id": ["a"]}, {"id": {"a": 1}}, {"id": 5}]}',
        b'{"responses": []}',
    ],
)
async def test_a_part_that_is_missing_may_come_later(
    client: GraphClient, odd: Odd, responses: bytes
) -> None:
    odd.body = responses
    parts = await client.batch({"a": "/users"}, TOKEN, ReadBudget(1))
    error = parts["a"]
    assert isinstance(error, GraphError)
    assert error.is_passing


@pytest.mark.parametrize(
    "link",
    [
        *("x", "//host", "ftp://host", "https://[", "https://graph.example.com/users", 5, [], {}),
        *("http://127.0.0.1:1/users", "https://\ud800", "http://" + "x" * 9000, "http://a b"),
    ],
)
def test_a_link_leads_nowhere_but_to_graph(client: GraphClient, link: Any) -> None:
    with pytest.raises(GraphError):
        client.link({"next": link}, "next")
