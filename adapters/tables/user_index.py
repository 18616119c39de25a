"""The search index of users: the partition is the MSP, the row the tenant, epoch and block."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import batched, pairwise
from typing import Any, override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import LARGEST_BINARY, LARGEST_TRANSACTION, check_transaction
from adapters.tables.transaction_body import Delete, Put, TableWrite
from adapters.tables.transactions import Transactions, few_at_a_time
from domain.identifiers import Epoch, MspId, TenantId, TenantRef
from domain.ports.user_index import BlockKey, BlockReplacement, Count, UserIndex
from domain.row_changes import Versioned
from domain.user_block import UserBlock

_IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"
_READS_AT_ONCE = 16
# Azure Tables accepts 4 MiB, but sending that much at once delays everything else.
_LARGEST_BODY = 1024 * 1024
_LARGEST_EXCHANGE = 3 * _LARGEST_BODY
# Blocks are written often and read rarely: the fastest level saves nearly as much as the best.
_LEVEL = 1
# The bounds of the ranges of tenant IDs that are read concurrently.
_RANGES = ("", "4", "8", "c", "~")


class TableUserIndex(UserIndex):
    """UserIndex in Azure Tables."""

    def __init__(self, table: TableClient, transactions: Transactions) -> None:
        self._table, self._transactions = table, transactions

    @override
    async def counts(self, ref: TenantRef) -> Mapping[str, Count]:
        rows = self._rows(ref.msp_id, *_range(ref), ["RowKey", "users", "enabled"])
        return {_name(row): Count(row["users"], row["enabled"]) async for row in rows}

    @override
    async def read(self, keys: Collection[BlockKey]) -> Mapping[BlockKey, Versioned[UserBlock]]:
        blocks: dict[BlockKey, Versioned[UserBlock]] = {}
        for group in batched(keys, _READS_AT_ONCE, strict=False):
            rows = await asyncio.gather(
                *(access.find(self._table, ref.msp_id, _row(ref, name)) for ref, name in group)
            )
            blocks |= {_key(row): _versioned(row) for row in rows if row}
        return blocks

    @override
    async def write(self, ref: TenantRef, replacements: Iterable[BlockReplacement]) -> None:
        await few_at_a_time(self._submit, _transactions(ref, replacements))

    @override
    async def replace(self, ref: TenantRef, block: UserBlock, version: str) -> None:
        await access.replace(self._table, _to_entity(ref, block), version)

    async def _submit(self, steps: Sequence[TableWrite]) -> None:
        check_transaction([step.entity for step in steps])
        await self._transactions.submit(self._table.table_name, steps)

    @override
    async def versions(self, msp_id: MspId) -> Mapping[BlockKey, str]:
        rows = self._rows(msp_id, _RANGES[0], _RANGES[-1], ["PartitionKey", "RowKey"])
        return {_key(row): access.version_of(row) async for row in rows}

    @override
    async def of_msp(self, msp_id: MspId) -> Mapping[BlockKey, Versioned[UserBlock]]:

        async def part(first: str, last: str) -> dict[BlockKey, Versioned[UserBlock]]:
            return {_key(row): _versioned(row) async for row in self._rows(msp_id, first, last)}

        parts = await asyncio.gather(*(part(first, last) for first, last in pairwise(_RANGES)))
        return {key: block for blocks in parts for key, block in blocks.items()}

    @override
    async def purge(self, ref: TenantRef) -> int:
        rows = [row["RowKey"] async for row in self._rows(ref.msp_id, *_range(ref), ["RowKey"])]
        with access.translate_storage_errors():
            for group in batched(rows, _READS_AT_ONCE, strict=False):
                await asyncio.gather(*(self._table.delete_entity(ref.msp_id, row) for row in group))
        return len(rows)

    def _rows(
        self, msp_id: MspId, first: str, last: str, select: list[str] | None = None
    ) -> AsyncIterator[TableEntity]:
        parameters = {"msp": msp_id, "first": first, "last": last}
        return access.query(self._table, _IN_RANGE, parameters, select)


def _range(ref: TenantRef) -> tuple[str, str]:
    """Return the range of a tenant's row keys: start and exclusive end."""
    return _row(ref, ""), f"{ref.tenant_id}:{ref.epoch};"


def _row(ref: TenantRef, name: str) -> str:
    return f"{ref.tenant_id}:{ref.epoch}:{name}"


def _key(row: TableEntity) -> BlockKey:
    tenant_id, epoch, name = row["RowKey"].split(":")
    return TenantRef(MspId(row["PartitionKey"]), TenantId(tenant_id), Epoch(epoch)), name


def _name(row: TableEntity) -> str:
    return str(row["RowKey"].rpartition(":")[2])


def _versioned(row: TableEntity) -> Versioned[UserBlock]:
    return Versioned(_from_entity(row), access.version_of(row))


def _to_entity(ref: TenantRef, block: UserBlock) -> dict[str, Any]:
    # The separator is safe: JSON contains no NUL, and folding removes it.
    text = f"{block.folded}\0{block.answers}".encode("utf-8", "surrogatepass")
    data = zlib.compress(text, _LEVEL)
    starts = range(0, len(data), LARGEST_BINARY)
    return {
        "PartitionKey": ref.msp_id,
        "RowKey": _row(ref, block.name),
        "users": block.users,
        "enabled": block.enabled,
        **{f"b{n}": data[start : start + LARGEST_BINARY] for n, start in enumerate(starts)},
    }


def _from_entity(row: TableEntity) -> UserBlock:
    parts: list[bytes] = []
    while (part := row.get(f"b{len(parts)}")) is not None:
        parts.append(part)
    text = zlib.decompress(b"".join(parts)).decode("utf-8", "surrogatepass")
    folded, _, answers = text.partition("\0")
    return UserBlock(_name(row), row["users"], row["enabled"], folded, answers)


def _transactions(
    ref: TenantRef, replacements: Iterable[BlockReplacement]
) -> Iterator[list[TableWrite]]:
    """Group replacements into transactions; each replacement stays in one if it fits."""
    batch: list[TableWrite] = []
    size = 0
    for steps in (s for replacement in replacements for s in _exchanged(ref, replacement)):
        bytes_on_the_wire = sum(map(_in_base64, steps))
        full = len(batch) + len(steps) > LARGEST_TRANSACTION
        if batch and (full or size + bytes_on_the_wire > _LARGEST_BODY):
            yield batch
            batch, size = [], 0
        batch += steps
        size += bytes_on_the_wire
    if batch:
        yield batch


def _exchanged(ref: TenantRef, replacement: BlockReplacement) -> list[list[TableWrite]]:
    """Return the steps of a replacement, grouped by the transaction in which they must be sent.

    A block that has become too large for one transaction is divided step by step. Until the last
    step the blocks are incomplete; a sync that finds them in this state rebuilds them.
    """
    steps = _steps(ref, replacement)
    fits = len(steps) <= LARGEST_TRANSACTION and sum(map(_in_base64, steps)) <= _LARGEST_EXCHANGE
    return [steps] if fits else [[step] for step in steps]


def _steps(ref: TenantRef, replacement: BlockReplacement) -> list[TableWrite]:
    entities = [_to_entity(ref, block) for block in replacement.blocks]
    steps: list[TableWrite] = [Put(entity) for entity in entities]
    if all(block.name != replacement.name for block in replacement.blocks):
        steps.append(Delete({"PartitionKey": ref.msp_id, "RowKey": _row(ref, replacement.name)}))
    return steps


def _in_base64(step: TableWrite) -> int:
    return sum(4 * len(value) // 3 for value in step.entity.values() if isinstance(value, bytes))
