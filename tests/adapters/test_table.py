"""Rows are read as the Azure SDK reads them, from Azurite and from storage in trouble."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.data.tables import EdmType, EntityProperty
from azure.data.tables._deserialize import _convert_to_entity
from azure.data.tables.aio import TableClient
from hypothesis import given
from hypothesis import strategies as st

from adapters.tables import access
from adapters.tables.entity_json import read_entity, read_value
from adapters.tables.storage import Storage
from adapters.tables.table import Table
from domain.errors import StorageUnavailable

PARTITION = "O'Neil's 100 % & + =,:;@$!(~) 李娜 👩🏽‍🚀"
TYPES = ["Edm.DateTime", "Edm.Int64", "Edm.Double", "Edm.Guid", "Edm.Binary"]
EVERY_TYPE = {
    "text": "né 李娜 \x00\x1f\r\n",
    "empty": "",
    "yes": True,
    "small": -(2**31),
    "large": EntityProperty(2**62, EdmType.INT64),
    "half": 0.5,
    "whole": 2.0,
    "endless": float("inf"),
    "at": datetime(2026, 11, 25, 1, 2, 3, 456789, tzinfo=UTC),
    "data": bytes(range(256)),
    "id": uuid4(),
}


def row(key: str, **properties: Any) -> dict[str, Any]:
    return {"PartitionKey": PARTITION, "RowKey": key, **properties}


def _stated(kind: str) -> st.SearchStrategy[tuple[str, Any]]:
    digits = st.integers(0, 9_999_999).map(lambda number: f"{number:07d}")
    times = st.datetimes(min_value=datetime(1601, 1, 1)).map(lambda t: f"{t:%Y-%m-%dT%H:%M:%S}")  # noqa: DTZ001  it has no zone in the text either
    values: dict[str, st.SearchStrategy[Any]] = {
        "Edm.DateTime": st.one_of(times, st.tuples(times, digits).map(".".join)).map(
            lambda text: f"{text}Z"
        ),
        "Edm.Int64": st.integers(-(2**63), 2**63 - 1).map(str),
        "Edm.Double": st.sampled_from(["NaN", "Infinity", "-Infinity", 2.0, 0.1]),
        "Edm.Guid": st.uuids().map(str),
        "Edm.Binary": st.binary().map(lambda data: b64encode(data).decode()),
    }
    return st.tuples(st.just(kind), values[kind])


NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-(2**40), 2**40))
PLAIN = st.one_of(st.text(), st.booleans(), NUMBERS)


@given(
    st.dictionaries(st.sampled_from("abcd"), PLAIN),
    st.dictionaries(st.sampled_from("wxyz"), st.sampled_from(TYPES).flatmap(_stated)),
    st.booleans(),
)
def test_a_row_has_the_values_and_the_version_that_the_sdk_reads(
    plain: dict[str, Any], stated: dict[str, tuple[str, Any]], has_etag: bool
) -> None:
    document = row("a", **plain, Timestamp="2026-11-25T01:02:03.4567891Z")
    for name, (kind, value) in stated.items():
        document |= {name: value, f"{name}@odata.type": kind}
    if has_etag:
        document["odata.etag"] = "W/\"datetime'1'\""
    ours, theirs = read_entity(document), _convert_to_entity(document)  # type: ignore[no-untyped-call]  # the reference
    assert repr(sorted(ours.items())).replace("StoredMoment", "TablesEntityDatetime") == repr(
        sorted((name, _comparable(value)) for name, value in theirs.items())
    )
    assert ours.metadata["etag"] == theirs.metadata["etag"]
    for name, value in theirs.items():
        stored = getattr(value, "tables_service_value", None)
        assert getattr(ours[name], "tables_service_value", None) == stored


def _comparable(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def test_a_type_that_tables_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="such a type"):
        read_value("Edm.Time", "1")


@pytest.fixture
async def storage(azurite: str) -> AsyncIterator[Storage]:
    opened = Storage.connect(azurite)
    yield opened
    await opened.close()


@pytest.fixture
async def table(storage: Storage) -> AsyncIterator[Table]:
    """A table for this test only."""
    own = storage.table(f"t{uuid4().hex}")
    await own.create_table()
    yield own
    await own.delete_table()


@pytest.fixture
def sdk(storage: Storage, table: Table) -> TableClient:
    """The SDK's own client of the same table."""
    return storage._service.get_table_client(table.table_name)


async def test_every_type_is_read_as_by_the_sdk(table: Table, sdk: TableClient) -> None:
    for key in ("a'b & c+d =:;@$!", "é (1,2)*~", "100 %25"):
        await sdk.create_entity(row(key, **EVERY_TYPE))
        ours, theirs = await table.get_entity(PARTITION, key), await sdk.get_entity(PARTITION, key)
        assert ours == theirs
        assert ours.metadata["etag"] == theirs.metadata["etag"]
        some = await table.get_entity(PARTITION, key, select=["RowKey", "small"])
        assert some == await sdk.get_entity(PARTITION, key, select=["RowKey", "small"])
        assert access.version_of(some) == theirs.metadata["etag"]


async def test_queries_are_answered_as_by_the_sdk(table: Table, sdk: TableClient) -> None:
    at = EVERY_TYPE["at"]
    for number in range(7):
        await sdk.create_entity(row(f"{number}'s", at=at))
    condition = "PartitionKey eq @p and RowKey gt @first and at ge @at"
    parameters = {"p": PARTITION, "first": "0'z", "at": at}
    found, reference = (
        one.query_entities(condition, parameters=parameters, results_per_page=2)
        for one in (table, sdk)
    )
    ours, theirs = [one async for one in found], [one async for one in reference]
    assert [dict(one) for one in ours] == [dict(one) for one in theirs]
    assert [access.version_of(one) for one in ours] == [access.version_of(one) for one in theirs]
    assert len(ours) == 6


async def test_a_query_continues_at_a_position(table: Table) -> None:
    for number in range(5):
        await table.create_entity(row(str(number)))
    pages: Any = table.query_entities("", results_per_page=2, select="RowKey").by_page()
    first = [one["RowKey"] async for one in await anext(pages)]
    again = table.query_entities("", results_per_page=9).by_page(pages.continuation_token)
    rest = [one["RowKey"] async for page in again async for one in page]
    assert (first, rest) == (["0", "1"], ["2", "3", "4"])


async def test_a_missing_row_is_none_and_a_missing_table_an_error(
    storage: Storage, table: Table
) -> None:
    assert await access.find(table, PARTITION, "not there") is None
    with pytest.raises(StorageUnavailable):
        await access.find(storage.table("missing"), PARTITION, "a")
    with pytest.raises(StorageUnavailable):
        [one async for one in access.query(storage.table("missing"), "RowKey eq @a", {"a": "1"})]


class Account:
    """A storage account that gives scripted responses, one after another."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        status, text = self.answers.pop(0)
        if text == "no answer":
            assert request.transport
            request.transport.abort()
        return web.Response(status=status, text=text)


@pytest.fixture
async def account(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Account, Storage]]:
    monkeypatch.setitem(storage_retries(), "retry_backoff_factor", 0)
    account = Account()
    app = web.Application()
    app.router.add_get("/acc/{path:.*}", account.answer)
    async with TestServer(app) as server:
        endpoint = f"TableEndpoint={server.make_url('/acc')};AccountName=acc;AccountKey=a2V5"
        opened = Storage.connect(f"DefaultEndpointsProtocol=http;{endpoint}")
        yield account, opened
        await opened.close()


def storage_retries() -> dict[str, Any]:
    from adapters.tables import storage  # noqa: PLC0415  the module, not the fixture

    return storage._RETRIES


ROW = '{"PartitionKey":"p","RowKey":"r","odata.etag":"1"}'


async def test_a_storage_that_is_busy_or_hangs_up_is_read_again(
    account: tuple[Account, Storage],
) -> None:
    server, storage = account
    server.answers = [(503, ""), (200, "no answer"), (500, ""), (200, ROW)]
    found = await access.find(storage.table("users"), "p", "r")
    assert found == {"PartitionKey": "p", "RowKey": "r"}
    assert len(server.asked) == 4
    sent = server.asked[0]
    assert "Manage365" in sent["User-Agent"]
    assert sent["x-ms-client-request-id"]


@pytest.mark.parametrize(
    "answer",
    [
        (503, '{"odata.error":{"code":"ServerBusy"}}'),
        (200, "<html>"),
        (200, "[]"),
        (200, '{"PartitionKey":"p"}'),
        (200, '{"a":"b","a@odata.type":"Edm.Int64","odata.etag":"1"}'),
    ],
)
async def test_what_is_no_row_is_an_error(
    account: tuple[Account, Storage], answer: tuple[int, str]
) -> None:
    server, storage = account
    server.answers = [answer] * 12
    with pytest.raises(StorageUnavailable):
        await access.find(storage.table("users"), "p", "r")
    with pytest.raises(StorageUnavailable):
        [one async for one in access.query(storage.table("users"), "RowKey eq @a", {"a": "1"})]
