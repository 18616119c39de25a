"""The schedule of syncs: rows in order of time, distributed over a few partitions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import override
from zlib import crc32

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from domain.identifiers import Epoch, MspId, TenantId, TenantRef
from domain.ports.sync_schedule import SyncSchedule
from domain.sync_state import ScheduledSync

# A partition handles 2,000 operations a second; the timer reads each partition once.
_PARTITIONS = 16
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_UP_TO = "PartitionKey eq @partition and RowKey lt @end"


class TableSyncSchedule(SyncSchedule):
    """SyncSchedule in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def add(self, entry: ScheduledSync) -> None:
        with access.translate_storage_errors():
            await self._table.upsert_entity(
                {"PartitionKey": _partition(entry.ref), "RowKey": _row(entry)}
            )

    @override
    async def remove(self, entry: ScheduledSync) -> None:
        await access.delete(self._table, _partition(entry.ref), _row(entry))

    @override
    async def due(self, now: datetime) -> AsyncIterator[ScheduledSync]:
        # ";" is the character after ":", so all entries of this second sort before it.
        end = now.astimezone(UTC).strftime(_TIME) + ";"
        left = [self._of(number, end) for number in range(_PARTITIONS)]
        while left:
            nexts = await asyncio.gather(*(anext(rows, None) for rows in left))
            left = [rows for rows, row in zip(left, nexts, strict=True) if row is not None]
            for row in filter(None, nexts):
                yield _entry(row["RowKey"])

    def _of(self, number: int, end: str) -> AsyncIterator[TableEntity]:
        """Yield a partition's entries, oldest first."""
        parameters = {"partition": f"{number:02d}", "end": end}
        return access.query(self._table, _UP_TO, parameters, ["RowKey"])


def _partition(ref: TenantRef) -> str:
    return f"{crc32(f'{ref.msp_id}:{ref.tenant_id}'.encode()) % _PARTITIONS:02d}"


def _row(entry: ScheduledSync) -> str:
    ref, moment = entry.ref, entry.due_at.astimezone(UTC).strftime(_TIME)
    return f"{moment}:{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"


def _entry(row: str) -> ScheduledSync:
    moment, msp_id, tenant_id, epoch = row.rsplit(":", 3)
    ref = TenantRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch))
    return ScheduledSync(ref, datetime.strptime(moment, _TIME).replace(tzinfo=UTC))
