"""The `pendingWork` table: one partition per queue."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, override

from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import check_entity
from adapters.tables.releases import readable
from domain.identifiers import (
    Epoch,
    MspId,
    OperationId,
    OperationRef,
    SessionHash,
    SessionRef,
    TenantId,
    TenantRef,
)
from domain.ports.pending_work import PendingWork, PendingWorkStore
from domain.work_queues import Recorded, WorkQueue, queue_named


class TablePendingWork(PendingWorkStore):
    """PendingWorkStore in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def record(self, work: PendingWork) -> None:
        entity: dict[str, Any] = {
            "PartitionKey": work.queue.name,
            "RowKey": _row(work.subject),
            "queued_at": work.queued_at,
        }
        if work.deleted:
            entity["deleted"] = json.dumps(work.deleted)
        if work.writer_until:
            entity["writer_until"] = work.writer_until
        check_entity(entity)
        with access.translate_storage_errors():
            await self._table.upsert_entity(entity, mode=UpdateMode.MERGE)

    @override
    async def find[R: Recorded](self, queue: WorkQueue[R], subject: R) -> PendingWork | None:
        entity = await access.find(self._table, queue.name, _row(subject))
        return _from_entity(entity) if entity else None

    @override
    async def drop[R: Recorded](self, queue: WorkQueue[R], subject: R) -> None:
        await access.delete(self._table, queue.name, _row(subject))

    @override
    async def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        found = access.query(self._table, "queued_at lt @moment", {"moment": moment})
        async for entity in found:
            # Work for a queue that only a newer release knows is kept for that release.
            work = readable(f"work ({entity['PartitionKey']})", _from_entity, entity)
            if work is not None:
                yield work


def _from_entity(entity: TableEntity) -> PendingWork:
    queue = queue_named(entity["PartitionKey"])
    return PendingWork(
        queue=queue,
        subject=_subject(queue, entity["RowKey"]),
        queued_at=access.as_utc(entity["queued_at"]) or entity["queued_at"],
        deleted=tuple((name, count) for name, count, *_ in json.loads(entity.get("deleted", "[]"))),
        writer_until=access.as_utc(entity.get("writer_until")),
    )


def _row(subject: Recorded) -> str:
    if isinstance(subject, TenantRef):
        return f"{subject.msp_id}:{subject.tenant_id}:{subject.epoch}"
    if isinstance(subject, OperationRef):
        return f"{_row(subject.tenant)}:{subject.operation_id}"
    return f"{subject.msp_id}:{subject.session}"


def _subject(queue: WorkQueue[Any], row: str) -> Recorded:
    if queue.subject is TenantRef:
        msp_id, tenant_id, epoch = row.split(":")
        return TenantRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch))
    if queue.subject is OperationRef:
        msp_id, tenant_id, epoch, operation_id = row.split(":")
        return OperationRef(
            MspId(msp_id), TenantId(tenant_id), Epoch(epoch), OperationId(operation_id)
        )
    msp_id, session = row.split(":")
    return SessionRef(MspId(msp_id), SessionHash(session))
