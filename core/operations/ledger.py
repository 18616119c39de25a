"""Reading the ledger: one operation, or a list, newest first."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import OperationNotFound
from domain.identifiers import MspId, TenantId
from domain.operation import Operation, OperationEntry, OperationState, is_operation_id
from domain.ports.msp_store import MspStore
from domain.ports.page import Page

_READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Which operations a list shows; None for any.

    Args:
        user: Object ID or user principal name, in any case.
    """

    tenant_id: TenantId | None = None
    user: str | None = None
    state: OperationState | None = None
    kind: str | None = None

    def shows(self, operation: Operation) -> bool:
        """Return whether the list shows an operation."""
        names = {(operation.target_id or "").lower(), (operation.target_name or "").lower()}
        return (
            self.tenant_id in {None, operation.tenant_id}
            and (self.user is None or self.user.lower() in names)
            and self.state in {None, operation.state}
            and self.kind in {None, operation.kind}
        )


async def find_operation(msps: MspStore, msp_id: MspId, operation_id: str) -> Operation:
    """Return an operation of the MSP.

    Raises:
        OperationNotFound: The MSP has none of this ID.
    """
    if not is_operation_id(operation_id):
        raise OperationNotFound("No such operation.")
    entry = await msps.find(OperationEntry, msp_id, operation_id)
    found = await _operation(msps, entry.value) if entry else None
    if found is None:
        raise OperationNotFound("No such operation.")
    return found


async def list_operations(
    msps: MspStore, msp_id: MspId, shown: OperationFilter, page_size: int, token: str | None
) -> Page[Operation]:
    """Return a page of operations, newest first; it may be short and still have a next page."""
    if shown.tenant_id is not None:
        key = (shown.tenant_id,)
        page = await msps.page(Operation, msp_id, page_size, token, shown.shows, key)
        return page.map(lambda known: known.value)
    entries = await msps.page(OperationEntry, msp_id, page_size, token)
    found = await _operations(msps, [known.value for known in entries.items])
    return Page(tuple(filter(shown.shows, found)), entries.next_token)


async def _operations(msps: MspStore, entries: Sequence[OperationEntry]) -> list[Operation]:
    room = asyncio.Semaphore(_READS_AT_ONCE)

    async def read(entry: OperationEntry) -> Operation | None:
        async with room:
            return await _operation(msps, entry)

    found = await asyncio.gather(*map(read, entries))
    return [operation for operation in found if operation]


async def _operation(msps: MspStore, entry: OperationEntry) -> Operation | None:
    key = (entry.tenant_id, entry.epoch, entry.operation_id)
    known = await msps.find(Operation, entry.msp_id, *key)
    return known.value if known else None
