"""The environment's proxy is used if it is named when the app starts, and is not read later."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, override

import pytest
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

from adapters.clock import SystemClock
from adapters.entra_keys import EntraKeys
from adapters.graph.client import GraphClient
from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.queues import StorageQueues
from adapters.secrets import KeyVaultSecrets
from adapters.tables.storage import Storage
from adapters.transport import new_transport
from domain.work_queues import SYNC_TENANT
from tests.samples import CONTOSO, tenant

type Request = Callable[[], Awaitable[Any]]


class Server:
    """Refuses every request, and remembers its first line."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.address = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        self.asked.put_nowait(line.decode("latin-1").rstrip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


async def _served() -> AsyncIterator[Server]:
    running = Server()
    async with await asyncio.start_server(running.answer, "127.0.0.1", 0) as listening:
        running.address = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield running


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own environment names no proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


proxy = pytest.fixture(_served, name="proxy")
target = pytest.fixture(_served, name="target")


class Identity(AsyncTokenCredential):
    """The app's identity."""

    @override
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("token", 2**40)

    @override
    async def close(self) -> None: ...
    @override
    async def __aexit__(self, *_: object) -> None: ...


def _account(host: str) -> str:
    endpoints = ";".join(f"{kind}Endpoint=http://{host}/acc" for kind in ("Table", "Queue", "Blob"))
    return f"DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=a2V5;{endpoints}"


def _requests(host: str) -> dict[str, tuple[Request, Request]]:
    """Return a request to the host by each client, and how the client is closed."""
    account = _account(host)
    storage, queues = Storage.connect(account), StorageQueues.connect(account)
    documents, graph = BlobInvoiceDocuments.connect(account), GraphClient(f"http://{host}")
    vault = KeyVaultSecrets(f"https://{host}", Identity())
    keys = EntraKeys(f"http://{host}", SystemClock())

    async def nothing() -> None: ...

    return {
        "tables": (storage.probe, storage.close),
        "queues": (lambda: queues.send(SYNC_TENANT, tenant().ref), queues.close),
        "blobs": (lambda: documents.get(CONTOSO, "1"), documents.close),
        "Graph": (lambda: graph.get("/users", "token"), graph.close),
        "Key Vault": (lambda: vault.read("a"), vault._client.close),
        "signing keys": (lambda: keys.key("a"), nothing),
    }


async def _first_line(request: Request, close: Request, server: Server) -> str:
    """Return the first line of a request, without waiting for its retries."""
    asking = asyncio.ensure_future(request())
    try:
        return await asyncio.wait_for(server.asked.get(), 10)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await close()


CLIENTS = ["tables", "queues", "blobs", "Graph", "Key Vault", "signing keys"]


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_proxy_that_is_set_at_the_start_is_used(
    name: str, proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    line = await _first_line(*_requests("contoso.invalid")[name], proxy)
    assert "contoso.invalid" in line


@pytest.mark.parametrize("name", CLIENTS)
async def test_hosts_that_need_no_proxy_are_reached_directly(
    name: str, proxy: Server, target: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    await _first_line(*_requests(target.address)[name], target)
    assert proxy.asked.empty()


@pytest.mark.parametrize("name", CLIENTS)
async def test_without_one_the_environment_is_not_read_for_each_request(
    name: str, target: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> None:
        raise AssertionError

    monkeypatch.setattr("aiohttp.client.netrc_from_env", read)
    monkeypatch.setattr("aiohttp.client.get_env_proxy_for_url", lambda _: read())
    await _first_line(*_requests(target.address)[name], target)


@pytest.mark.parametrize(
    ("variable", "is_read"),
    [
        ("HTTP_PROXY", True),
        ("http_proxy", True),
        ("HTTPS_PROXY", True),
        ("https_proxy", True),
        ("NO_PROXY", False),
        ("FTP_PROXY", False),
    ],
)
async def test_the_variables_that_name_a_proxy(
    variable: str, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://contoso.invalid")
    transport = new_transport()
    async with transport:
        assert transport.session.trust_env is is_read
