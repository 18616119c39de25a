"""The `pendingWork` table: work on record, one partition a kind."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, override

from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import check_entity
from adapters.tables.releases import known, readable
from domain.identifiers import Epoch, MspId, SessionHash, SessionRef, TenantId, TenantRef
from domain.ports.pending_work import PendingWork, PendingWorkStore, WorkKind


class TablePendingWork(PendingWorkStore):
    """PendingWorkStore over Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def record(self, intent: PendingWork) -> None:
        entity: dict[str, Any] = {
            "PartitionKey": str(intent.kind),
            "RowKey": _row(intent.subject),
            "queued_at": intent.queued_at,
        }
        if intent.deleted:
            entity["deleted"] = json.dumps(intent.deleted)
        if intent.writer_until:
            entity["writer_until"] = intent.writer_until
        check_entity(entity)
        with access.translate_storage_errors():
            await self._table.upsert_entity(entity, mode=UpdateMode.MERGE)

    @override
    async def find(self, kind: WorkKind, subject: TenantRef | SessionRef) -> PendingWork | None:
        entity = await access.find(self._table, str(kind), _row(subject))
        return _from_entity(entity) if entity else None

    @override
    async def drop(self, kind: WorkKind, subject: TenantRef | SessionRef) -> None:
        await access.delete(self._table, str(kind), _row(subject))

    @override
    async def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        found = access.query(self._table, "queued_at lt @moment", {"moment": moment})
        async for entity in found:
            # Work of a kind that a newer release brought stays on record for it.
            intent = readable(f"work ({entity['PartitionKey']})", _from_entity, entity)
            if intent is not None:
                yield intent


def _from_entity(entity: TableEntity) -> PendingWork:
    kind = known(WorkKind, entity["PartitionKey"])
    return PendingWork(
        kind=kind,
        subject=_subject(kind, entity["RowKey"]),
        queued_at=access.as_utc(entity["queued_at"]) or entity["queued_at"],
        deleted=tuple((name, count) for name, count, *_ in json.loads(entity.get("deleted", "[]"))),
        writer_until=access.as_utc(entity.get("writer_until")),
    )


def _row(subject: TenantRef | SessionRef) -> str:
    if isinstance(subject, TenantRef):
        return f"{subject.msp_id}:{subject.tenant_id}:{subject.epoch}"
    return f"{subject.msp_id}:{subject.session}"


def _subject(kind: WorkKind, row: str) -> TenantRef | SessionRef:
    match kind, row.split(":"):
        case WorkKind.PURGE_TENANT, [msp_id, tenant_id, epoch]:
            return TenantRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch))
        case WorkKind.COMPLETE_CONSENT, [msp_id, session]:
            return SessionRef(MspId(msp_id), SessionHash(session))
        case _:
            raise ValueError("a row of the table pendingWork has an unknown key")
