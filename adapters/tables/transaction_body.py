"""The body of an entity group transaction, and the parsing of its response.

https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions

The Azure SDK uses Python's `email` package for both, which takes three quarters of the processor
time of a first sync (docs/decisions/0028). The whole body is ASCII: keys are percent-encoded, and
JSON is escaped.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite, isnan
from typing import Any
from urllib.parse import quote
from uuid import UUID

from azure.data.tables import EdmType

type Entity = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    """Insert a row that must not exist yet."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Put:
    """Insert or overwrite a row; with a version, only overwrite a row of that version."""

    entity: Entity
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a row that must exist, in the given version; by default, any version."""

    entity: Entity
    version: str = "*"


type TableWrite = Create | Put | Delete

_INT32 = 2**31
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_CODE = re.compile(rb'"code"\s*:\s*"(\w+)"')
_encode = json.JSONEncoder(check_circular=False, allow_nan=False, separators=(",", ":")).encode


def write_body(table_url: str, steps: Sequence[TableWrite], batch: str, changeset: str) -> bytes:
    """Return the body of a transaction; all its rows belong to one partition.

    Args:
        table_url: The URL of the table, under its account's endpoint.
        batch: Boundary of the body.
        changeset: Boundary of its parts.

    Raises:
        TypeError: A property has a type that Tables do not support.
    """
    head = f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changeset}\r\n\r\n"
    partition = _key(steps[0].entity["PartitionKey"])
    rows_url = f"{table_url}(PartitionKey='{partition}',RowKey="
    parts = "".join(_part(_request(table_url, rows_url, step), changeset) for step in steps)
    return f"{head}{parts}--{changeset}--\r\n--{batch}--\r\n".encode("ascii")


def read_answer(body: bytes) -> list[int]:
    """Return the status of each part. The response to a rejected transaction has one part."""
    return [int(status) for status in _STATUS.findall(body)]


def read_code(body: bytes) -> str:
    """Return the error code in a response."""
    found = _CODE.search(body)
    return found[1].decode() if found else "no code"


def _part(request: str, changeset: str) -> str:
    return (
        f"--{changeset}\r\n"
        "Content-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
        f"{request}\r\n"
    )


def _request(table_url: str, rows_url: str, step: TableWrite) -> str:
    match step:
        case Create(entity):
            line = f"POST {table_url} HTTP/1.1\r\nPrefer: return-no-content\r\n"
            return f"{line}{_content(entity)}"
        case Put(entity, version):
            line = f"PUT {_row_url(rows_url, entity)} HTTP/1.1\r\n"
            return f"{line}{_if_match(version)}{_content(entity)}"
        case Delete(entity, version):
            line = f"DELETE {_row_url(rows_url, entity)} HTTP/1.1\r\n"
            return f"{line}{_if_match(version)}{_ACCEPT}\r\n"


_ACCEPT = "DataServiceVersion: 3.0\r\nAccept: application/json;odata=minimalmetadata\r\n"


def _if_match(version: str | None) -> str:
    return "" if version is None else f"If-Match: {version}\r\n"


def _content(entity: Entity) -> str:
    text = _encode(dict(_properties(entity)))
    length = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    return f"{_ACCEPT}{length}\r\n{text}"


def _row_url(rows_url: str, entity: Entity) -> str:
    return f"{rows_url}'{_key(entity['RowKey'])}')"


def _key(text: str) -> str:
    return quote(text.replace("'", "''"), safe="")


def _properties(entity: Entity) -> Iterator[tuple[str, Any]]:
    """Yield properties in their JSON form, with their types where JSON cannot express them.

    https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
    """
    for name, value in entity.items():
        if value is None:
            continue
        edm_type, plain = _typed(value)
        if edm_type:
            yield f"{name}@odata.type", edm_type
        yield name, plain


def _typed(value: Any) -> tuple[EdmType | None, Any]:  # noqa: PLR0911  a return for each type
    """Return the type of a value, unless JSON already expresses it, and the JSON value."""
    match value:
        case str() | bool():
            return None, value
        case int() if -_INT32 <= value < _INT32:
            return None, value
        case (int(number), EdmType.INT64):
            return EdmType.INT64, str(number)
        case float():
            return EdmType.DOUBLE, value if isfinite(value) else _not_finite(value)
        case datetime():
            return EdmType.DATETIME, value.astimezone(UTC).strftime(_TIME)
        case bytes():
            return EdmType.BINARY, b64encode(value).decode()
        case UUID():
            return EdmType.GUID, str(value)
    raise TypeError(f"Tables have no {type(value).__name__} such as this")


def _not_finite(value: float) -> str:
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
