"""The local host with a small app: concurrency, bindings, poison messages, the admin endpoint."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from local.host import queues
from local.host.queues import QueueOptions, QueueSide
from local.host.worker import Function
from local.processes import Child
from local.stack import PORTAL, Stack
from tests.served import served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
async def host(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a host that serves the sample app."""
    app = Path(__file__).parent / "sample_app"
    async with served(app, azurite, tmp_path_factory.mktemp("host")) as address:
        yield address


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_fifty_invocations_are_under_way_at_once(
    host: str, session: aiohttp.ClientSession
) -> None:
    async def meet() -> int:
        async with session.get(f"{host}/meet") as response:
            return response.status

    assert await asyncio.gather(*(meet() for _ in range(50))) == [200] * 50


async def test_a_request_reaches_a_function_as_azure_would_hand_it_over(
    host: str, session: aiohttp.ClientSession
) -> None:
    async with session.post(f"{host}/ECHO/one/two?a=1&a=2", data="body") as response:
        assert (response.status, response.headers["x-sample"]) == (201, "yes")
        assert await response.text() == "one/two 1,2 body"


async def test_unknown_addresses_wrong_methods_and_errors_tell_nothing(
    host: str, session: aiohttp.ClientSession
) -> None:
    for method, path, status in (
        ("GET", "/no", 404),
        ("PUT", "/meet", 404),
        ("GET", "/broken", 500),
    ):
        async with session.request(method, f"{host}{path}") as response:
            assert response.status == status
            assert await response.text() == ""
            assert "Allow" not in response.headers


def queue_client(azurite: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        azurite,
        name,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    )


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 20
    while not await done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def is_idle(host: str, session: aiohttp.ClientSession) -> bool:
    async with session.get(f"{host}/admin/host/idle") as response:
        return bool((await response.json())["idle"])


async def test_a_function_that_was_fired_is_under_way(
    host: str, session: aiohttp.ClientSession
) -> None:
    async def idle() -> bool:
        return await is_idle(host, session)

    await until(idle)
    async with session.post(f"{host}/admin/functions/yearly") as response:
        assert response.status == 202
    assert not await idle()
    await until(idle)


async def test_a_slow_message_holds_up_no_other(
    host: str, azurite: str, session: aiohttp.ClientSession
) -> None:
    async def idle() -> bool:
        return await is_idle(host, session)

    async with queue_client(azurite, "overtaking") as queue:

        async def taken() -> bool:
            return await queue.peek_messages() == []

        with contextlib.suppress(ResourceExistsError):  # the host creates it too
            await queue.create_queue()
        await queue.send_message("slow")
        await until(taken)
        assert not await idle()
        await queue.send_message("quick")
        await until(idle)


async def test_a_message_that_fails_five_times_ends_in_the_poison_queue(
    host: str, azurite: str
) -> None:
    deadline = time.monotonic() + 20
    async with (
        queue_client(azurite, "sample") as queue,
        queue_client(azurite, "sample-poison") as poison,
    ):
        await queue.send_message("x")
        while True:
            try:
                found = [m.content for m in await poison.peek_messages()]
            except Exception as error:  # noqa: BLE001  the queue is created with its first message
                assert "QueueNotFound" in str(error)  # noqa: PT017  polled
                found = []
            if found:
                break
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert found == ["x"]
        assert await queue.peek_messages() == []


async def test_a_message_that_the_process_died_with_five_times_is_not_tried_again(
    azurite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def invoke(function: Function, *_: Any) -> None:
        tried.append(function.name)

    monkeypatch.setattr(queues, "invoke", invoke)
    name = f"deadly-{uuid4()}"
    function = Function("deadly", "1", {"name": "message", "queueName": name})
    side = QueueSide(function, azurite, QueueOptions())
    async with queue_client(azurite, name) as queue, queue_client(azurite, f"{name}-poison") as end:
        await queue.create_queue()
        await queue.send_message("x")
        for _ in range(5):
            taken = await queue.receive_message(visibility_timeout=600)
            assert taken is not None
            await queue.update_message(taken, visibility_timeout=0)
        running = asyncio.create_task(side.run())
        await until_found(end)
        running.cancel()
        await side.close()
    assert tried == []


async def until_found(queue: QueueClient) -> None:
    async def found() -> bool:
        try:
            return bool(await queue.peek_messages())
        except ResourceNotFoundError:  # created with its first message
            return False

    await until(found)


async def test_the_admin_endpoint_fires_timers_and_nothing_else(
    host: str, session: aiohttp.ClientSession
) -> None:
    for name, status in (("yearly", 202), ("meet", 404), ("unknown", 404)):
        async with session.post(f"{host}/admin/functions/{name}", json={"input": ""}) as response:
            assert response.status == status
    prefer = {"Prefer": "wait"}
    url = f"{host}/admin/functions/fail"
    async with session.post(url, json={"input": "x"}, headers=prefer) as response:
        assert (response.status, await response.json()) == (500, {"status": "failed"})


async def test_an_app_that_azure_would_refuse_is_refused(tmp_path: Path, azurite: str) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.route('x')\n"
        "async def x(req: func.HttpRequest, extra: str) -> str: ...\n"
    )
    child = Child("a refused app", tmp_path / "host.log")
    command = [sys.executable, "-m", "local.host", "--port", "0", "--app", str(tmp_path)]
    await child.start(command, {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)})
    await child.until_ended()
    assert "extra" in child.log_tail()


_ALLOWED = "Access-Control-Allow-"


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,if-match",
    }


async def test_the_portals_preflight_is_answered_before_the_app(
    stack: Stack, session: aiohttp.ClientSession
) -> None:
    url = f"{stack.api}/no/such/address"
    async with session.options(url, headers=preflight(PORTAL)) as response:
        allowed = {n: v for n, v in response.headers.items() if n.startswith(_ALLOWED)}
        assert (response.status, await response.read()) == (204, b"")
        assert allowed == {
            f"{_ALLOWED}Origin": PORTAL,
            f"{_ALLOWED}Methods": "PUT",
            f"{_ALLOWED}Headers": "authorization,if-match",
        }


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", f"{PORTAL}.evil.example", f"{PORTAL}/", PORTAL.upper(), "null"],
)
async def test_no_other_origin_may_do_anything(
    stack: Stack, session: aiohttp.ClientSession, origin: str
) -> None:
    for method, headers in (("OPTIONS", preflight(origin)), ("GET", {"Origin": origin})):
        url = f"{stack.api}/openapi.json"
        async with session.request(method, url, headers=headers) as response:
            assert not [name for name in response.headers if name.startswith(_ALLOWED)]


@pytest.mark.parametrize(("path", "status"), [("/openapi.json", 200), ("/my-tenant", 401)])
async def test_the_portal_may_read_answers_and_refusals(
    stack: Stack, session: aiohttp.ClientSession, path: str, status: int
) -> None:
    async with session.get(f"{stack.api}{path}", headers={"Origin": PORTAL}) as response:
        assert response.status == status
        allowed = {n: v for n, v in response.headers.items() if n.startswith(_ALLOWED)}
        assert allowed == {f"{_ALLOWED}Origin": PORTAL}


async def test_options_without_what_makes_a_preflight_is_the_hosts(
    host: str, stack: Stack, session: aiohttp.ClientSession
) -> None:
    async with session.options(f"{host}/meet", headers=preflight(PORTAL)) as response:
        assert response.status == 404  # this host allows no origin
    async with session.options(f"{stack.api}/my-tenant", headers={"Origin": PORTAL}) as response:
        assert response.status == 405
