"""The body of a transaction is equivalent to the one that the Azure SDK sends, in fewer bytes."""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NamedTuple, Self, override
from urllib.parse import unquote

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.pipeline.transport import HttpTransport
from azure.data.tables import EdmType, EntityProperty, TableClient, UpdateMode
from hypothesis import given
from hypothesis import strategies as st

from adapters.tables.limits import LimitExceeded, check_key
from adapters.tables.transaction_body import (
    Create,
    Delete,
    Put,
    TableWrite,
    read_answer,
    read_code,
    write_body,
)

ENDPOINT = "https://account.table.core.windows.net"
_LINE = re.compile(r"^(POST|PUT|DELETE) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n(.*)", re.DOTALL)


class Sent(Exception):
    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


class Caught(HttpTransport[Any, Any]):
    """Captures what would have been sent."""

    @override
    def open(self) -> None: ...
    @override
    def close(self) -> None: ...
    @override
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    @override
    def __enter__(self) -> Self:
        return self

    @override
    def send(self, request: Any, **_: Any) -> Any:
        raise Sent(request.content)


class Request(NamedTuple):
    method: str
    url: str
    if_match: str | None
    accepts_an_echo: bool
    properties: dict[str, tuple[str, Any]]


def sdk_body(steps: Sequence[TableWrite]) -> bytes:
    """Return the body that the SDK would send."""
    credential = AzureNamedKeyCredential("account", "a2V5")
    with TableClient(ENDPOINT, "users", credential=credential, transport=Caught()) as client:
        try:
            client.submit_transaction([_sdk_step(step) for step in steps])
        except Sent as sent:
            return sent.body
    raise AssertionError


def _sdk_step(step: TableWrite) -> Any:
    def guard(version: str) -> dict[str, Any]:
        return {"etag": version, "match_condition": MatchConditions.IfNotModified}

    match step:
        case Create(entity):
            return ("create", entity)
        case Put(entity, None):
            return ("upsert", entity, {"mode": UpdateMode.REPLACE})
        case Put(entity, str(version)):
            return ("update", entity, {"mode": UpdateMode.REPLACE, **guard(version)})
        case Delete(entity, "*"):
            return ("delete", entity)
        case Delete(entity, version):
            return ("delete", entity, guard(version))


def read_requests(body: bytes) -> list[Request]:
    """Parse a body as a server does, by its boundaries."""
    text = body.decode("ascii")
    (changeset,) = set(re.findall(r"boundary=(\S+)", text))
    parts = text.split(f"\r\n--{changeset}")
    assert parts[-1].startswith("--\r\n")
    return [_read_request(part.partition("\r\n\r\n")[2]) for part in parts[1:-1]]


def _read_request(text: str) -> Request:
    found = _LINE.match(text)
    assert found
    method, url, head, content = found.groups()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n"))
    content = content.rstrip("\r\n")
    if method != "DELETE":
        assert int(headers["content-length"]) == len(content)
        assert headers["content-type"] == "application/json"
    if_match = re.search("^If-Match: (.*?)$", head, re.MULTILINE)
    return Request(
        method,
        unquote(url),
        if_match and if_match[1].strip(),
        headers["accept"].startswith("application/json"),
        _properties(json.loads(content or "{}")),
    )


def _properties(document: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return values with their types, including the types that JSON implies."""
    told = {str: "Edm.String", bool: "Edm.Boolean", int: "Edm.Int32"}
    return {
        name: (document.get(f"{name}@odata.type") or told[type(value)], value)
        for name, value in document.items()
        if not name.endswith("@odata.type")
    }


def _is_key(text: str) -> bool:
    try:
        check_key("RowKey", text)
    except LimitExceeded:
        return False
    return True


keys = st.text(max_size=40).filter(_is_key) | st.just("O'Neil's %27 ü:€ 👩🏽‍🚀")
values = st.one_of(
    st.none(),
    st.text(),
    st.text(st.characters(max_codepoint=0x20)),
    st.just("\ud800 lone, --changeset_1, \r\n--batch_1--\r\n"),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: EntityProperty(n, EdmType.INT64)),
    st.floats(),
    st.datetimes(datetime(1601, 1, 2), timezones=st.timezones()),  # noqa: DTZ001
    st.binary(),
    st.uuids(),
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
versions = st.datetimes().map(lambda at: f"W/\"datetime'{at.isoformat()}Z'\"".replace(":", "%3A"))


@st.composite
def steps(draw: st.DrawFn) -> list[TableWrite]:
    partition = draw(keys)

    def step() -> TableWrite:
        row = {"PartitionKey": partition, "RowKey": draw(keys)}
        entity = draw(st.dictionaries(names, values, max_size=6)) | row
        match draw(st.sampled_from(["create", "put", "replace", "delete", "remove"])):
            case "create":
                return Create(entity)
            case "put":
                return Put(entity)
            case "replace":
                return Put(entity, draw(versions))
            case "delete":
                return Delete(row)
        return Delete(row, draw(versions))

    return [step() for _ in range(draw(st.integers(1, 5)))]


@given(steps())
def test_it_says_what_the_sdk_would_say(transaction: list[TableWrite]) -> None:
    ours = write_body(f"{ENDPOINT}/users", transaction, "batch_1", "changeset_1")
    assert repr(read_requests(ours)) == repr(read_requests(sdk_body(transaction)))


def test_a_row_that_is_not_read_back_is_not_echoed() -> None:
    body = write_body(f"{ENDPOINT}/users", [Create({"PartitionKey": "p", "RowKey": "r"})], "b", "c")
    assert b"\r\nPrefer: return-no-content\r\n" in body


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, EntityProperty(1, EdmType.INT32), [], 1j])
def test_a_value_that_tables_do_not_know_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        write_body("t", [Put({"PartitionKey": "p", "RowKey": "r", "v": value})], "b", "c")


def test_a_number_that_is_none_has_a_word_for_it() -> None:
    entity = {"PartitionKey": "p", "RowKey": "r", "a": math.nan, "b": math.inf, "c": -math.inf}
    body = write_body("t", [Put(entity)], "b", "c")
    for word in (b'"NaN"', b'"Infinity"', b'"-Infinity"'):
        assert word in body


def test_a_time_is_told_in_utc() -> None:
    at = datetime(2026, 11, 25, 1, 2, 3, 4, tzinfo=UTC)
    body = write_body("t", [Put({"PartitionKey": "p", "RowKey": "r", "at": at})], "b", "c")
    assert b'"2026-11-25T01:02:03.000004Z"' in body


REFUSED = b"""--changesetresponse_1\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 409 Conflict\r
Content-Type: application/json\r
\r
{"odata.error":{"code":"EntityAlreadyExists","message":{"value":"0:it\\nHTTP/1.1 204 exists"}}}\r
--changesetresponse_1--\r
"""


def test_an_answer_tells_the_status_of_each_part_and_why() -> None:
    assert read_answer(REFUSED) == [409]
    assert read_code(REFUSED) == "EntityAlreadyExists"
    assert read_answer(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 201 Created\r\n") == [204, 201]
    assert read_answer(b"") == []
    assert read_code(b"") == "no code"
