"""The local host behaves like Microsoft's host, line by line."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from tests.host_probes.checks import Queues, http_lines
from tests.served import served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
async def host(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a local host that serves the probes."""
    app = Path(__file__).parent / "app"
    async with served(app, azurite, tmp_path_factory.mktemp("probes")) as address:
        yield address


async def test_every_request_is_answered_as_by_microsofts_host(host: str) -> None:
    lines = [line async for line in http_lines(host)]
    assert [line for line in lines if not line.same] == []
    assert len(lines) > 40


async def test_every_message_goes_where_microsofts_host_puts_it(host: str, azurite: str) -> None:
    lines = [line async for line in Queues(host, azurite).lines()]
    assert [line for line in lines if not line.same] == []


async def check(url: str) -> tuple[int | None, str]:
    """Run the command; return its exit status and output."""
    command = [sys.executable, "-m", "tests.host_probes", url]
    checked = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await checked.communicate()
    return checked.returncode, printed.decode()


async def test_the_command_is_content_with_the_local_host(host: str) -> None:
    status, printed = await check(host)
    assert (status, "DIFFERS" in printed) == (0, False), printed
    assert "skipped  queues: no STORAGE" in printed


async def test_the_command_shows_what_another_server_does_otherwise() -> None:
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(text="all is well")

    server = RawTestServer(answer)
    await server.start_server()
    status, printed = await check(str(server.make_url("/")))
    await server.close()
    assert status == 1
    assert "DIFFERS  no route\n         expected {'status': 404," in printed
    assert printed.endswith(" lines differ\n")
