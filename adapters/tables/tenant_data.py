"""Data sets in the table `tenantData`: one compressed row each, in one partition per tenant.

A data set that outgrows its row continues in further rows, named after the version's digest:

    registrationDetails                     digest, parts = 3, first part
    registrationDetails:<digest>:001        second part
    registrationDetails:<digest>:002        third part

The further parts are written first and the row of the data set last, so that a reader finds a whole
version at any time. Parts of an earlier version are deleted afterwards.
"""

import asyncio
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched, islice
from typing import Any, override

from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import LARGEST_BINARY, LARGEST_TRANSACTION, check_entity
from adapters.tables.transaction_body import Delete
from adapters.tables.transactions import Transactions
from domain.data_set import Documents
from domain.errors import ConcurrentChange, StorageUnavailable
from domain.identifiers import TenantRef
from domain.ports.graph_reader import Unreadable
from domain.ports.tenant_data import TenantData

# In base64 this is a body of less than 1 MiB. Larger ones block others, and aiohttp warns of them.
_PART_BYTES = 11 * LARGEST_BINARY
_MOST_PARTS = 999
_IN_PARTITION = "PartitionKey eq @partition"
_PARTS = f"{_IN_PARTITION} and RowKey gt @first and RowKey lt @last"
_ATTEMPTS = 3


class TableTenantData(TenantData):
    """TenantData in Azure Tables."""

    def __init__(self, table: TableClient, transactions: Transactions) -> None:
        self._table, self._transactions = table, transactions

    @override
    async def read(self, ref: TenantRef, name: str) -> Documents | None:
        before: str | None = None
        for _ in range(_ATTEMPTS):
            row = await access.find(self._table, _partition(ref), name)
            # A version that stays incomplete is from a backup during a write: it counts as none.
            if row is None or row["digest"] == before:
                return None
            rows = [row, *await self._further_parts(ref, row)]
            if len(rows) == row["parts"]:
                return _unpacked(rows)
            before = row["digest"]
        raise StorageUnavailable(f"The data set {name} changes all the time.")

    async def _further_parts(self, ref: TenantRef, row: TableEntity) -> list[TableEntity]:
        if row["parts"] == 1:
            return []
        first = f"{row['RowKey']}:{row['digest']}"
        parameters = {"partition": _partition(ref), "first": f"{first}:", "last": f"{first};"}
        return [part async for part in access.query(self._table, _PARTS, parameters)]

    @override
    async def read_all(self, ref: TenantRef) -> Mapping[str, Documents]:
        heads, parts = dict[str, TableEntity](), defaultdict[str, list[TableEntity]](list)
        found = access.query(self._table, _IN_PARTITION, {"partition": _partition(ref)})
        async for row in found:
            name, _, version = str(row["RowKey"]).partition(":")
            if version:
                parts[f"{name}:{version.partition(':')[0]}"].append(row)
            else:
                heads[name] = row
        data_sets = dict[str, Documents]()
        for name, head in heads.items():
            rows = [head, *parts[f"{name}:{head['digest']}"]]
            whole = len(rows) == head["parts"]
            # A data set that was written during the query is read once more.
            documents = _unpacked(rows) if whole else await self.read(ref, name)
            if documents is not None:
                data_sets[name] = documents
        return data_sets

    @override
    async def write(self, ref: TenantRef, name: str, documents: Documents) -> None:
        first, *others = _packed(ref, name, documents)
        before = await access.find(self._table, _partition(ref), name, ["digest"])
        with access.translate_storage_errors():
            for some in batched(others, 4, strict=False):
                await asyncio.gather(*map(self._put, some))
        await self._put_head(first, before)
        await self._delete_other_parts(ref, name, f"{name}:{first['digest']}:")

    async def _put_head(self, entity: dict[str, Any], before: TableEntity | None) -> None:
        """Write the row of a data set, unless another writer has done so since it was read.

        A writer that was overtaken must not replace the newer version, nor delete its parts.
        """
        if before is None:
            await access.insert(self._table, entity)
        else:
            await access.replace(self._table, entity, access.version_of(before))

    async def _put(self, entity: dict[str, Any]) -> None:
        check_entity(entity)
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def _delete_other_parts(self, ref: TenantRef, name: str, kept: str) -> None:
        """Delete the parts of earlier versions, and of one whose writer crashed."""
        parameters = {"partition": _partition(ref), "first": f"{name}:", "last": f"{name};"}
        async for row in access.query(self._table, _PARTS, parameters, ["RowKey"]):
            if not str(row["RowKey"]).startswith(kept):
                await access.delete(self._table, _partition(ref), str(row["RowKey"]))

    @override
    async def purge(self, ref: TenantRef, most: int) -> int:
        found = access.query(self._table, _IN_PARTITION, {"partition": _partition(ref)}, ["RowKey"])
        keys = [str(row["RowKey"]) async for row in found]
        for some in batched(islice(keys, most), LARGEST_TRANSACTION, strict=False):
            await self._delete(_partition(ref), some)
        return min(len(keys), most)

    async def _delete(self, partition: str, keys: Sequence[str]) -> None:
        steps = [Delete({"PartitionKey": partition, "RowKey": key}) for key in keys]
        try:
            await self._transactions.submit(self._table.table_name, steps)
        except ConcurrentChange:
            # A row that no longer exists makes the whole transaction fail: delete one by one.
            for key in keys:
                await access.delete(self._table, partition, key)


def _partition(ref: TenantRef) -> str:
    return f"{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"


def _packed(ref: TenantRef, name: str, documents: Documents) -> list[dict[str, Any]]:
    """Return the rows of a data set.

    Raises:
        Unreadable: It is too large.
    """
    text = json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
    content = zlib.compress(text.encode("utf-8", "surrogatepass"))
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    pieces = list(_pieces(content, _PART_BYTES)) or [b""]
    if len(pieces) > _MOST_PARTS:
        raise Unreadable("The data set cannot be stored: it is too large")
    keys = [name, *(f"{name}:{digest}:{number:03d}" for number in range(1, len(pieces)))]
    facts = {"digest": digest, "parts": len(pieces)}
    return [
        {"PartitionKey": _partition(ref), "RowKey": key, **facts, **_properties(piece)}
        for key, piece in zip(keys, pieces, strict=True)
    ]


def _pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _properties(piece: bytes) -> dict[str, bytes]:
    return {f"d{number}": chunk for number, chunk in enumerate(_pieces(piece, LARGEST_BINARY))}


def _unpacked(rows: Sequence[TableEntity]) -> Documents:
    content = b"".join(_content(row) for row in rows)
    documents: Documents = json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass"))
    return documents


def _content(row: TableEntity) -> bytes:
    chunks: list[bytes] = []
    while (chunk := row.get(f"d{len(chunks)}")) is not None:
        chunks.append(chunk)
    return b"".join(chunks)
