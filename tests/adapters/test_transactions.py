"""Transactions on real Azurite, and against storage that refuses or responds incompletely."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, override
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.data.tables import EdmType, EntityProperty, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from adapters.tables.access import find
from adapters.tables.pipeline import TablesPipeline, _authentication
from adapters.tables.storage import _TIMEOUTS, Storage
from adapters.tables.transaction_body import Create, Delete, Put, TableWrite
from adapters.tables.transactions import Transactions, few_at_a_time
from domain.errors import ConcurrentChange, StorageUnavailable
from domain.ports.graph_reader import Unreadable
from domain.ports.synced_records import StoredRecord
from sync.lease import LEASE
from tests.samples import tenant

PARTITION = "O'Neil's 100 % 👩🏽‍🚀"
EVERY_TYPE = {
    "text": "né 李娜 \x00\x1f\r\n--changeset_1 \ud7ff\uffff 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "empty": "",
    "nothing": None,
    "yes": True,
    "small": -(2**31),
    "large": EntityProperty(2**62, EdmType.INT64),
    "half": 0.5,
    "whole": 2.0,
    "at": datetime(2026, 11, 25, 1, 2, 3, 456789, tzinfo=UTC),
    "data": bytes(range(256)),
    "id": uuid4(),
}


@pytest.fixture
async def storage(azurite: str) -> AsyncIterator[Storage]:
    opened = Storage.connect(azurite)
    await opened.create_tables()
    yield opened
    await opened.close()


@pytest.fixture
async def table(storage: Storage) -> AsyncIterator[TableClient]:
    """A table for this test only."""
    own = storage.table(f"t{uuid4().hex}")
    await own.create_table()
    yield own
    await own.delete_table()


def row(key: str, **properties: Any) -> dict[str, Any]:
    return {"PartitionKey": PARTITION, "RowKey": key, **properties}


async def rows(table: TableClient) -> dict[str, dict[str, Any]]:
    """Return all rows as the SDK reads them, by key."""
    return {entity["RowKey"]: dict(entity) async for entity in table.list_entities()}


async def test_rows_are_read_as_those_that_the_sdk_writes(
    storage: Storage, table: TableClient
) -> None:
    await table.submit_transaction(
        [("upsert", row("sdk's", **EVERY_TYPE), {"mode": UpdateMode.REPLACE})]
    )
    steps: list[TableWrite] = [
        Create(row("a'b & c+d =:;@$!", **EVERY_TYPE)),
        Put(row("put", **EVERY_TYPE)),
    ]
    await storage.transactions.submit(table.table_name, steps)
    first, *others = ({**found, "RowKey": ""} for found in (await rows(table)).values())
    assert others == [first, first]


async def test_a_row_is_overwritten_and_deleted_at_its_version(
    storage: Storage, table: TableClient
) -> None:
    first = await table.create_entity(row("a", old=1))
    second = await table.create_entity(row("b'"))
    steps: list[TableWrite] = [
        Put(row("a", new=2), first["etag"]),
        Delete(row("b'"), second["etag"]),
    ]
    await storage.transactions.submit(table.table_name, steps)
    assert await rows(table) == {"a": row("a", new=2)}
    await storage.transactions.submit(table.table_name, [Delete(row("a"))])
    assert await rows(table) == {}


@pytest.mark.parametrize(
    "refused",
    [
        Create(row("there")),
        Put(row("there"), "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""),
        Put(row("not there"), "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""),
        Delete(row("there"), "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""),
        Delete(row("not there")),
    ],
)
async def test_one_step_that_is_refused_undoes_all(
    storage: Storage, table: TableClient, refused: TableWrite
) -> None:
    await table.create_entity(row("there"))
    steps: list[TableWrite] = [Put(row("before")), refused, Put(row("after"))]
    with pytest.raises(ConcurrentChange):
        await storage.transactions.submit(table.table_name, steps)
    assert set(await rows(table)) == {"there"}


async def test_a_full_transaction_is_written(storage: Storage, table: TableClient) -> None:
    steps = [Put(row(f"{number:03}", d="é" * 1_000)) for number in range(100)]
    await storage.transactions.submit(table.table_name, steps)
    assert len(await rows(table)) == 100
    last = await find(table, PARTITION, "099")
    assert last == row("099", d="é" * 1_000)


async def test_a_record_that_no_row_holds_fails_its_data_set_alone(storage: Storage) -> None:
    records = [StoredRecord("a", "{}", "d"), StoredRecord("b", "x" * 2**20, "d")]
    with pytest.raises(Unreadable, match="over 1 MiB"):
        await storage.records.write(tenant().ref, records)


class Account:
    """A storage account that gives scripted responses, one after another."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(dict(request.headers))
        status, text = self.answers.pop(0)
        if text == "no answer":
            assert request.transport
            request.transport.abort()
        if text == "cut off":
            answer = web.StreamResponse(status=status, headers={"Content-Length": "99"})
            await answer.prepare(request)
            await answer.write(b"HTTP/1.1 204 No Content")
            assert request.transport
            request.transport.abort()
            return answer
        return web.Response(status=status, text=text)


@pytest.fixture
async def account() -> AsyncIterator[tuple[Account, str]]:
    """The account and its endpoint."""
    account = Account()
    app = web.Application()
    app.router.add_post("/acc/$batch", account.answer)
    async with TestServer(app) as server:
        yield account, str(server.make_url("/acc"))


RETRIES = {"retry_total": 2, "retry_backoff_factor": 0}
KEY = AzureNamedKeyCredential("acc", "a2V5")
DONE = "HTTP/1.1 204 No Content\r\n\r\n"


async def submit(endpoint: str, credential: Any = KEY, steps: int = 2) -> None:
    transport = AioHttpTransport()
    async with TableServiceClient(endpoint, credential=credential, transport=transport) as service:
        transactions = Transactions(TablesPipeline(service, transport, RETRIES))
        await transactions.submit("users", [Put(row(str(n))) for n in range(steps)])


@pytest.mark.parametrize("trouble", [[(503, ""), (500, "")], [(202, "no answer")] * 2])
async def test_a_storage_that_is_busy_or_hangs_up_is_asked_again(
    account: tuple[Account, str], trouble: list[tuple[int, str]]
) -> None:
    storage, endpoint = account
    storage.answers = [*trouble, (202, DONE * 2)]
    await submit(endpoint)
    assert len(storage.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (503, '{"odata.error":{"code":"ServerBusy"}}'),
        (202, 'HTTP/1.1 503 Busy\r\n\r\n{"odata.error":{"code":"ServerBusy"}}'),
        (202, DONE),
        (202, ""),
        (200, "<html>"),
        (202, "cut off"),
    ],
)
async def test_what_is_not_known_to_be_written_is_no_success(
    account: tuple[Account, str], answer: tuple[int, str]
) -> None:
    storage, endpoint = account
    storage.answers = [answer] * 6
    for steps in (1, 2) if answer != (202, DONE) else (2,):
        with pytest.raises(StorageUnavailable):
            await submit(endpoint, steps=steps)


@pytest.mark.parametrize(
    "answer",
    [
        (400, '{"odata.error":{"code":"InvalidInput"}}'),
        (202, 'HTTP/1.1 400 Bad Request\r\n\r\n{"odata.error":{"code":"InvalidInput"}}'),
    ],
)
async def test_a_mistake_is_told_by_its_code_alone(
    account: tuple[Account, str], answer: tuple[int, str]
) -> None:
    storage, endpoint = account
    storage.answers = [answer]
    with pytest.raises(HttpResponseError, match=r"transaction: 400 InvalidInput$"):
        await submit(endpoint)


async def test_a_shared_access_signature_serves_too(account: tuple[Account, str]) -> None:
    storage, endpoint = account
    storage.answers = [(202, DONE * 2)]
    await submit(endpoint, AzureSasCredential("sv=1&sig=2"))
    assert "Authorization" not in storage.asked[0]


class Identity(AsyncTokenCredential):
    """The app's identity, whose token names the scope that it is for."""

    @override
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(" ".join(scopes), 2**40)

    @override
    async def close(self) -> None: ...
    @override
    async def __aexit__(self, *_: object) -> None: ...


async def test_in_azure_the_apps_identity_opens_storage() -> None:
    policy = _authentication(Identity())
    request = PipelineRequest(HttpRequest("POST", "https://acc/$batch"), PipelineContext(None))
    await policy.on_request(request)
    sent = request.http_request.headers["Authorization"]
    assert sent == "Bearer https://storage.azure.com/.default"


async def test_four_are_under_way_at_most_and_each_starts_before_the_next_is_made_ready() -> None:
    seen: list[str] = []
    under_way = 0

    async def send(number: int) -> None:
        nonlocal under_way
        under_way += 1
        assert under_way <= 4
        seen.append(f"sent {number}")
        await asyncio.sleep(0.001)
        under_way -= 1

    def ready() -> Iterator[int]:
        for number in range(9):
            seen.append(f"ready {number}")
            yield number

    await few_at_a_time(send, ready())
    assert seen[:4] == ["ready 0", "sent 0", "ready 1", "sent 1"]
    assert len(seen) == 18


async def test_when_one_fails_the_others_are_stopped() -> None:
    stopped: list[int] = []

    async def send(number: int) -> None:
        if number == 2:
            raise ConcurrentChange
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(number)
            raise

    with pytest.raises(ConcurrentChange):
        await few_at_a_time(send, range(9))
    assert sorted(stopped) == [0, 1]


async def test_a_storage_that_hangs_is_given_up_while_a_syncs_lease_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sum(_TIMEOUTS.values()) < LEASE.total_seconds() / 2
    monkeypatch.setitem(_TIMEOUTS, "read_timeout", 0.1)

    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_post("/acc/$batch", hang)
    async with TestServer(app) as server:
        endpoint = f"TableEndpoint={server.make_url('/acc')};AccountName=acc;AccountKey=a2V5"
        storage = Storage.connect(f"DefaultEndpointsProtocol=http;{endpoint}")
        with pytest.raises(StorageUnavailable):
            await storage.transactions.submit("users", [Put(row("a"))])
        await storage.close()
