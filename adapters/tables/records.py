"""Synced users: one row each, one partition per tenant and epoch."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import batched
from typing import Any, override
from urllib.parse import quote, unquote

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import (
    LARGEST_STRING,
    LARGEST_TRANSACTION,
    LimitExceeded,
    check_entity,
    units,
)
from adapters.tables.transaction_body import Delete, Put
from adapters.tables.transactions import Transactions, few_at_a_time
from domain.data_set import Document
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports.graph_reader import Unreadable
from domain.ports.page import Page
from domain.ports.synced_records import StoredRecord, SyncedRecords

TABLE = "users"
_READS_AT_ONCE = 16
_LARGEST_BODY, _ENVELOPE = 1024 * 1024, 1000
_DIGEST = ["RowKey", "digest"]
_PLAIN = " !$&'()*+,-.:;<=>@[]^_`{|}~\""


class TableSyncedRecords(SyncedRecords):
    """SyncedRecords in Azure Tables.

    Args:
        table: The client of the table.
    """

    def __init__(self, table: TableClient, transactions: Transactions) -> None:
        self._table, self._transactions = table, transactions

    @override
    async def digests(self, ref: TenantRef, keys: Collection[str] | None = None) -> dict[str, str]:
        table = self._table
        if keys is None:
            found = access.query(
                table, "PartitionKey eq @partition", {"partition": partition_of(ref)}, _DIGEST
            )
            return {unquote(row["RowKey"]): row["digest"] async for row in found}
        digests: dict[str, str] = {}
        for group in batched(keys, _READS_AT_ONCE, strict=False):
            rows = await asyncio.gather(*(_digest_row(table, ref, key) for key in group))
            digests |= {unquote(row["RowKey"]): row["digest"] for row in rows if row}
        return digests

    @override
    async def read(self, ref: TenantRef, keys: Collection[str]) -> dict[str, Document]:
        table, partition = self._table, partition_of(ref)
        documents: dict[str, Document] = {}
        for group in batched(keys, _READS_AT_ONCE, strict=False):
            rows = await asyncio.gather(
                *(access.find(table, partition, row_of(key)) for key in group)
            )
            documents |= {unquote(row["RowKey"]): document_of(row) for row in rows if row}
        return documents

    @override
    async def write(self, ref: TenantRef, records: Sequence[StoredRecord]) -> None:
        entities = (record_entity(ref, record) for record in records)
        try:
            await few_at_a_time(self._upsert, _transactions(entities))
        except LimitExceeded as limit:
            raise Unreadable(f"A record cannot be stored: {limit}") from limit

    async def _upsert(self, entities: list[dict[str, Any]]) -> None:
        await self._transactions.submit(TABLE, [Put(entity) for entity in entities])

    @override
    async def delete(self, ref: TenantRef, keys: Sequence[str]) -> None:
        await self._delete_rows(ref, [row_of(key) for key in keys])

    async def _delete_rows(self, ref: TenantRef, rows: Sequence[str]) -> None:
        batches = batched(rows, LARGEST_TRANSACTION, strict=False)
        await few_at_a_time(partial(self._delete, ref), batches)

    async def _delete(self, ref: TenantRef, rows: Sequence[str]) -> None:
        partition = partition_of(ref)
        steps = [Delete({"PartitionKey": partition, "RowKey": row}) for row in rows]
        try:
            await self._transactions.submit(TABLE, steps)
        except ConcurrentChange:
            # A row that no longer exists makes the whole transaction fail: delete one by one.
            with access.translate_storage_errors():
                for row in rows:
                    await self._table.delete_entity(partition, row)

    @override
    async def page(
        self,
        ref: TenantRef,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Document], bool] | None = None,
    ) -> Page[Document]:
        listing = access.Listing(
            self._table, "PartitionKey eq @partition", {"partition": partition_of(ref)}
        )
        return await access.page(listing, document_of, page_size, token, keep)

    @override
    async def purge(self, ref: TenantRef, most: int) -> int:
        rows = await self._first_rows(ref, most)
        await self._delete_rows(ref, rows)
        return len(rows)

    async def _first_rows(self, ref: TenantRef, most: int) -> list[str]:
        rows: list[str] = []
        found = access.query(
            self._table,
            "PartitionKey eq @partition",
            {"partition": partition_of(ref)},
            ["RowKey"],
        )
        async for entity in found:
            rows.append(entity["RowKey"])
            if len(rows) == most:
                break
        return rows


async def _digest_row(table: TableClient, ref: TenantRef, key: str) -> TableEntity | None:
    return await access.find(table, partition_of(ref), row_of(key), _DIGEST)


def partition_of(ref: TenantRef) -> str:
    """Return the partition of a tenant's records."""
    return f"{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"


def row_of(key: str) -> str:
    """Return a key with escaped forbidden characters; plain keys keep their order."""
    return quote(key, safe=_PLAIN)


def record_entity(ref: TenantRef, record: StoredRecord) -> dict[str, Any]:
    """Return a record as an entity."""
    entity = {
        "PartitionKey": partition_of(ref),
        "RowKey": row_of(record.key),
        "digest": record.digest,
        **{f"d{index}": chunk for index, chunk in enumerate(_chunks(record.text))},
    }
    check_entity(entity)
    return entity


def _chunks(text: str) -> Iterator[str]:
    """Split a text into parts that each fit into a property, regardless of its characters."""
    size = LARGEST_STRING if text.isascii() else LARGEST_STRING // 2
    for start in range(0, len(text), size):
        yield text[start : start + size]


def document_of(entity: TableEntity) -> Document:
    """Return the document of an entity."""
    chunks: list[str] = []
    while (chunk := entity.get(f"d{len(chunks)}")) is not None:
        chunks.append(chunk)
    document: Document = json.loads("".join(chunks))
    return document


def _escaped_size(text: str) -> int:
    """Return the maximum size of a text in JSON in bytes; a UTF-16 unit may take six."""
    return 2 * len(text) if text.isascii() else 6 * units(text)


def _transactions(entities: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Group entities into transactions of at most 100 rows and 1 MiB.

    Azure Tables accepts 4 MiB, but sending that much at once delays everything else.
    """
    batch: list[dict[str, Any]] = []
    size = 0
    for entity in entities:
        bytes_on_the_wire = sum(map(_escaped_size, entity.values())) + _ENVELOPE
        full = len(batch) >= LARGEST_TRANSACTION or size + bytes_on_the_wire > _LARGEST_BODY
        if batch and full:
            yield batch
            batch, size = [], 0
        batch.append(entity)
        size += bytes_on_the_wire
    if batch:
        yield batch
