"""The signing keys: one fetch for all waiting callers, and the effect of odd responses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.entra_keys import EntraKeys
from domain.errors import MicrosoftUnavailable
from local.microsoft.tokens import SigningKeys
from tests.fakes.outside import FixedClock

_SHORT = aiohttp.ClientTimeout(total=0.3)


class Server:
    """A key server that gives scripted responses at scripted times."""

    def __init__(self) -> None:
        self.keys = SigningKeys()
        self.answer: Any = None
        self.status, self.asked = 200, 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_asked = asyncio.Event()

    async def serve(self, _request: web.Request) -> web.Response:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        answer = self.keys.document() if self.answer is None else self.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(body=body, status=self.status, content_type="application/json")


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def keys(server: Server, clock: FixedClock) -> AsyncIterator[EntraKeys]:
    app = web.Application()
    app.router.add_get("/common/discovery/v2.0/keys", server.serve)
    async with TestServer(app) as running:
        yield EntraKeys(str(running.make_url("")).rstrip("/"), clock)


async def test_one_fetch_serves_all_who_wait(server: Server, keys: EntraKeys) -> None:
    server.may_answer.clear()
    waiting = [asyncio.create_task(keys.key(server.keys.newest)) for _ in range(8)]
    await server.was_asked.wait()
    waiting[0].cancel()  # a cancelled caller does not affect the others
    server.may_answer.set()
    found = await asyncio.gather(*waiting[1:])
    assert all(found)
    assert server.asked == 1


async def test_a_slow_server_costs_all_who_wait_one_time_out(
    server: Server, keys: EntraKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.entra_keys._TIMEOUT", _SHORT)
    server.may_answer.clear()
    loop = asyncio.get_running_loop()
    began = loop.time()
    answers = await asyncio.gather(*(keys.key("any") for _ in range(8)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {MicrosoftUnavailable}
    assert loop.time() - began < 3 * 0.3
    with pytest.raises(MicrosoftUnavailable):
        await keys.key("any")
    assert server.asked == 1  # and it is not requested again at once
    server.may_answer.set()


async def test_after_a_pause_it_is_asked_again(
    server: Server, keys: EntraKeys, clock: FixedClock
) -> None:
    server.status = 500
    for _ in range(3):
        with pytest.raises(MicrosoftUnavailable):
            await keys.key(server.keys.newest)
    assert server.asked == 1
    server.status = 200
    clock.advance(seconds=6)
    assert await keys.key(server.keys.newest)
    assert server.asked == 2


async def test_a_known_key_serves_while_a_day_old_set_is_fetched(
    server: Server, keys: EntraKeys, clock: FixedClock
) -> None:
    kid = server.keys.newest
    assert await keys.key(kid)
    clock.advance(hours=25)
    server.may_answer.clear()
    assert await keys.key(kid)
    assert await keys.key(kid)
    server.status = 500
    server.may_answer.set()
    assert await keys.key("made up") is None
    assert await keys.key(kid)
    assert server.asked == 2


async def test_a_flood_of_made_up_keys_is_one_request(
    server: Server, keys: EntraKeys, clock: FixedClock
) -> None:
    assert await keys.key(server.keys.newest)
    clock.advance(seconds=6)
    for number in range(50):
        assert await keys.key(f"made up {number}") is None
    assert server.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        *({}, [], 5, "text", {"keys": None}, {"keys": 5}, {"keys": []}, {"keys": [{}]}),
        *({"keys": [5, None, [], {"kty": "RSA"}, {"kty": 5}]}, b"", b"{", b"\xff"),
        b'{"keys": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
async def test_an_odd_set_of_keys_is_none(server: Server, keys: EntraKeys, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(MicrosoftUnavailable):
        await keys.key(server.keys.newest)


@pytest.mark.parametrize(
    "odd",
    [
        *(5, None, [], {}, {"kty": "RSA", "kid": "odd"}, {"kty": "RSA", "kid": 5, "n": "AQ"}),
        *({"kty": ["RSA"]}, {"kty": "RSA", "n": 5, "e": []}, {"kty": "EC", "crv": "x"}),
        {"kty": "oct", "k": "AQAB", "kid": "odd"},
        {"kty": "RSA", "kid": "odd", "n": "AQAB", "e": "AQAB", "alg": "none"},
        {"kty": "RSA", "kid": "odd" * 1000, "n": "AQAB", "e": "AQAB"},
    ],
)
async def test_an_odd_key_costs_itself_alone(server: Server, keys: EntraKeys, odd: Any) -> None:
    good = server.keys.document()["keys"]
    server.answer = {"keys": [odd, *good, odd]}
    assert await keys.key(server.keys.newest)
    assert await keys.key("odd") is None
