"""The `work` table: work on record, one partition a kind."""

from collections.abc import AsyncIterator
from datetime import datetime

from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables import access
from adapters.tables.limits import check_entity
from domain.identifiers import Epoch, MspId, SessionHash, SessionRef, TenantId, TenantRef
from domain.ports import Intent, IntentKind


class TableIntents:
    """Intents over Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def record(self, intent: Intent) -> None:
        """Write an intent, or write its time anew."""
        entity = {
            "PartitionKey": str(intent.kind),
            "RowKey": _row(intent.subject),
            "queued_at": intent.queued_at,
        }
        check_entity(entity)
        with access.meaning():
            await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def drop(self, kind: IntentKind, subject: TenantRef | SessionRef) -> None:
        """Delete an intent; one that is gone is no error."""
        with access.meaning():
            await self._table.delete_entity(str(kind), _row(subject))

    async def queued_before(self, moment: datetime) -> AsyncIterator[Intent]:
        """Yield every intent whose message was queued before the moment."""
        found = access.query(self._table, "queued_at lt @moment", {"moment": moment})
        async for entity in found:
            queued_at = access.moment(entity["queued_at"]) or moment
            yield Intent(IntentKind(entity["PartitionKey"]), _subject(entity["RowKey"]), queued_at)


def _row(subject: TenantRef | SessionRef) -> str:
    if isinstance(subject, TenantRef):
        return f"{subject.msp_id}:{subject.tenant_id}:{subject.epoch}"
    return f"{subject.msp_id}:{subject.session}"


def _subject(row: str) -> TenantRef | SessionRef:
    match row.split(":"):
        case [msp_id, tenant_id, epoch]:
            return TenantRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch))
        case [msp_id, session]:
            return SessionRef(MspId(msp_id), SessionHash(session))
        case _:
            raise ValueError("a row of the work table has an unknown key")
