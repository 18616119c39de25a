"""Removing a tenant's operations when it is purged; the audit events stay."""

import asyncio

from domain.identifiers import TenantRef
from domain.operation import (
    BreakGlassAccounts,
    IdempotencyKey,
    Operation,
    OperationEntry,
    OperationQueue,
)
from domain.ports.msp_store import MspStore
from domain.row_changes import Remove, RowChange

# Up to three rows each, and a transaction has at most 100.
OPERATIONS_AT_ONCE = 30


async def remove_operations(msps: MspStore, ref: TenantRef) -> int:
    """Remove some operations of one life of a tenant; return their number.

    A number smaller than OPERATIONS_AT_ONCE means that none is left. The queue goes first, so that
    no worker takes another turn.
    """
    await _remove_single_rows(msps, ref)
    key = (ref.tenant_id, ref.epoch)
    page = await msps.page(Operation, ref.msp_id, OPERATIONS_AT_ONCE, key=key)
    rows = await asyncio.gather(*(_rows_of(msps, known.value) for known in page.items))
    removals: list[RowChange] = [Remove(known.value, known.version) for known in page.items]
    removals += [removal for some in rows for removal in some]
    if removals:
        await msps.commit(removals)
    return len(page.items)


async def _remove_single_rows(msps: MspStore, ref: TenantRef) -> None:
    for kind in (OperationQueue, BreakGlassAccounts):
        known = await msps.find(kind, ref.msp_id, ref.tenant_id, ref.epoch)
        if known is not None:
            await msps.commit((Remove(known.value, known.version),))


async def _rows_of(msps: MspStore, operation: Operation) -> list[RowChange]:
    """Return the removal of an operation's index row, and of its key if it is still its own."""
    entry = await msps.find(OperationEntry, operation.msp_id, operation.operation_id)
    removals: list[RowChange] = [Remove(entry.value, entry.version)] if entry else []
    if operation.idempotency:
        key = await msps.find(IdempotencyKey, operation.msp_id, operation.idempotency)
        if key and key.value.operation_id == operation.operation_id:
            removals.append(Remove(key.value, key.version))
    return removals
