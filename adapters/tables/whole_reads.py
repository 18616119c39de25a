"""The users that a read of all users of a tenant has seen before it was postponed.

There is one partition per tenant and epoch. Each row contains the keys of a part of a read, as
hashes of eight bytes: 65,000 fit into a row.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from itertools import batched
from typing import Any, override
from uuid import uuid4

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import LARGEST_BINARY, check_entity
from domain.identifiers import TenantRef
from domain.ports.whole_reads import WholeReads

_HASH_BYTES = 8
_MOST = 8 * LARGEST_BINARY // _HASH_BYTES  # in a row, which may have 1 MiB; less is sent at once


class TableWholeReads(WholeReads):
    """WholeReads in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def add(self, ref: TenantRef, read: str, keys: Collection[str | None]) -> None:
        for hashes in batched(map(_hash, keys), _MOST, strict=False):
            await access.insert(self._table, _to_entity(ref, read, hashes))

    @override
    async def met(self, ref: TenantRef, read: str, keys: Collection[str]) -> set[str | None]:
        parameters = {
            "partition": _partition(ref),
            "first": f"{_name(read)}:",
            "last": f"{_name(read)};",
        }
        condition = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
        found = access.query(self._table, condition, parameters)
        hashes = {one async for row in found for one in _hashes(row)}
        candidates: Iterable[str | None] = (*keys, None)
        return {key for key in candidates if _hash(key) in hashes}

    @override
    async def forget(self, ref: TenantRef) -> None:
        partition = _partition(ref)
        condition, parameters = "PartitionKey eq @partition", {"partition": partition}
        rows = access.query(self._table, condition, parameters, ["RowKey"])
        for row in [row async for row in rows]:
            with access.translate_storage_errors():
                await self._table.delete_entity(partition, row["RowKey"])


def _partition(ref: TenantRef) -> str:
    return f"{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"


def _name(read: str) -> str:
    return hashlib.blake2b(read.encode(), digest_size=16).hexdigest()


def _hash(key: str | None) -> bytes:
    return hashlib.blake2b((key or "").encode(), digest_size=_HASH_BYTES).digest()


def _to_entity(ref: TenantRef, read: str, hashes: Iterable[bytes]) -> dict[str, Any]:
    data = b"".join(hashes)
    starts = range(0, len(data), LARGEST_BINARY)
    entity = {
        "PartitionKey": _partition(ref),
        "RowKey": f"{_name(read)}:{uuid4().hex}",
        **{f"h{n}": data[start : start + LARGEST_BINARY] for n, start in enumerate(starts)},
    }
    check_entity(entity)
    return entity


def _hashes(row: TableEntity) -> Iterator[bytes]:
    number = 0
    while (data := row.get(f"h{number}")) is not None:
        yield from (bytes(part) for part in batched(data, _HASH_BYTES, strict=True))
        number += 1
