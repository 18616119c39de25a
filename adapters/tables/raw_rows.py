"""Raw rows, regardless of their meaning: each is converted to a line of JSON and back.

A line has the OData form that Azure Tables itself returns: where JSON cannot express the type of
a property, the line states it as well, such as `"n@odata.type": "Edm.Int64"`.
https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

import base64
import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from azure.data.tables import EdmType, EntityProperty, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.entity_json import read_value
from adapters.tables.limits import LARGEST_TRANSACTION

_PAGE = 1000
_TYPE = "@odata.type"
_ENVELOPE = 1000
# Azure Tables accepts 4 MiB, but sending that much at once delays everything else.
_LARGEST_BODY = 1024 * 1024

# Where reading continues: opaque, and valid as long as the table exists.
type Position = dict[str, str]


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of a table.

    Args:
        lines: The rows of the page in the order of their keys.
        versions: The key and version of each row, to detect changes to it.
        position: Where the next page begins; None on the last page.
    """

    lines: list[str]
    versions: list[str]
    position: Position | None


class RawRows:
    """All rows of one table.

    Args:
        page_rows: Number of rows to read in one operation, at most 1,000.
    """

    def __init__(self, table: TableClient, page_rows: int = _PAGE) -> None:
        self._table, self._page_rows = table, page_rows

    async def pages(self, position: Position | None = None) -> AsyncIterator[RawPage]:
        """Yield the pages of the table, from the start or from a given position."""
        async for page in self._pages("", {}, None, position):
            yield page

    async def partition(self, key: str) -> AsyncIterator[RawPage]:
        """Yield the pages of one partition."""
        async for page in self._pages("PartitionKey eq @key", {"key": key}):
            yield page

    async def partition_after(self, key: str) -> str | None:
        """Return the key of the next partition, or None if there is none."""
        found = self._table.query_entities(
            "PartitionKey gt @key",
            parameters={"key": key},
            select=["PartitionKey"],
            results_per_page=1,
        )
        with access.translate_storage_errors():
            row = await anext(aiter(found), None)
        return None if row is None else str(row["PartitionKey"])

    async def versions(self, key: str) -> AsyncIterator[str]:
        """Yield the key and version of each row of one partition, without the content."""
        select = ["PartitionKey", "RowKey"]
        async for page in self._pages("PartitionKey eq @key", {"key": key}, select):
            for version in page.versions:
                yield version

    async def _pages(
        self,
        condition: str,
        parameters: dict[str, str],
        select: list[str] | None = None,
        position: Position | None = None,
    ) -> AsyncIterator[RawPage]:
        found = self._table.query_entities(
            condition, parameters=parameters, select=select, results_per_page=self._page_rows
        )
        # The SDK's type hint is `str`, but the position in a table is a pair of keys.
        pages: Any = found.by_page(continuation_token=position)  # type: ignore[arg-type]
        with access.translate_storage_errors():
            async for batch in pages:
                rows = [row async for row in batch]
                yield RawPage(
                    [write_line(row) for row in rows] if select is None else [],
                    [f"{row['RowKey']}\n{access.version_of(row)}\n" for row in rows],
                    pages.continuation_token or None,
                )

    async def is_empty(self) -> bool:
        """Return whether the table has no row."""
        return await self.partition_after("") is None

    async def put(self, entities: list[dict[str, Any]]) -> None:
        """Write rows of one partition in one transaction; existing rows are replaced."""
        steps = [("upsert", entity, {"mode": UpdateMode.REPLACE}) for entity in entities]
        with access.translate_storage_errors():
            await self._table.submit_transaction(steps)


def transactions(lines: Iterable[str]) -> Iterator[list[dict[str, Any]]]:
    """Group lines, in order, into batches that each fit into one transaction."""
    batch: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        entity = read_line(line)
        is_other = batch and batch[0]["PartitionKey"] != entity["PartitionKey"]
        is_full = len(batch) == LARGEST_TRANSACTION or size + len(line) > _LARGEST_BODY
        if batch and (is_other or is_full):
            yield batch
            batch, size = [], 0
        batch.append(entity)
        size += len(line) + _ENVELOPE
    if batch:
        yield batch


def write_line(entity: Mapping[str, Any]) -> str:
    """Return a row as a line without a line break; equal rows always yield equal lines."""
    properties: dict[str, Any] = {}
    for name, value in entity.items():
        kind, properties[name] = _to_json(value)
        if kind is not None:
            properties[name + _TYPE] = kind
    return json.dumps(properties, sort_keys=True, separators=(",", ":"))


def read_line(line: str) -> dict[str, Any]:
    """Return the row in a line, in the form that the SDK accepts.

    Raises:
        ValueError: The line is not a valid row.
    """
    properties = json.loads(line)
    if not isinstance(properties, dict) or not {"PartitionKey", "RowKey"} <= properties.keys():
        raise ValueError("a line is no row")
    kinds = {
        name.removesuffix(_TYPE): properties.pop(name)
        for name in list(properties)
        if name.endswith(_TYPE)
    }
    return {name: read_value(kinds.get(name), value) for name, value in properties.items()}


def _to_json(value: Any) -> tuple[str | None, Any]:
    """Return the type of a value, unless JSON already expresses it, and the value."""
    match value:
        case EntityProperty():
            return EdmType(value.edm_type).value, str(value.value)
        case str() | bool() | int():
            return None, value
        case float():
            return EdmType.DOUBLE.value, value if math.isfinite(value) else _not_finite(value)
        case datetime():
            # As the service returned it: its precision is ten times that of Python.
            text = getattr(value, "tables_service_value", "") or _utc(value)
            return EdmType.DATETIME.value, text
        case UUID():
            return EdmType.GUID.value, str(value)
        case bytes():
            return EdmType.BINARY.value, base64.b64encode(value).decode()
    raise TypeError(f"Azure Tables has no type for {type(value).__name__}")


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _utc(value: datetime) -> str:
    return (access.as_utc(value) or value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
