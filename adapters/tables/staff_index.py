"""The claims of MSPs on people, at most one per person: partition `tid`, row `oid`."""

import contextlib
from typing import override

from azure.data.tables.aio import TableClient

from adapters.tables import access
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, ObjectId, TenantId
from domain.ports.staff_index import StaffIndex
from domain.row_changes import Versioned


class TableStaffIndex(StaffIndex):
    """StaffIndex in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def msp_of(self, tid: TenantId, oid: ObjectId) -> Versioned[MspId] | None:
        entity = await access.find(self._table, tid, oid)
        return access.versioned(entity, lambda found: MspId(found["msp_id"]))

    @override
    async def claim(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> MspId:
        entity = {"PartitionKey": tid, "RowKey": oid, "msp_id": msp_id}
        try:
            await access.insert(self._table, entity)
        except ConcurrentChange:
            known = await self.msp_of(tid, oid)
            return known.value if known else await self.claim(tid, oid, msp_id)
        return msp_id

    @override
    async def release(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> None:
        known = await self.msp_of(tid, oid)
        if known is None or known.value != msp_id:
            return
        # On a conflict somebody else has released it, and the current row is not this claim.
        with contextlib.suppress(ConcurrentChange):
            await access.delete(self._table, tid, oid, known.version)
