"""Consent sessions, keyed by the hash of their state."""

from typing import Any, override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from domain.consent_session import ConsentOutcome, ConsentSession
from domain.identifiers import MspId, ObjectId, SessionHash, TenantId
from domain.ports.consent_sessions import ConsentSessions
from domain.row_changes import Versioned


class TableConsentSessions(ConsentSessions):
    """ConsentSessions in Azure Tables, distributed over 256 partitions."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def add(self, session: ConsentSession) -> None:
        await access.insert(self._table, _to_entity(session))

    @override
    async def find(self, session: SessionHash) -> Versioned[ConsentSession] | None:
        entity = await access.find(self._table, session[:2], session)
        return access.versioned(entity, _from_entity)

    @override
    async def replace(self, session: ConsentSession, version: str) -> None:
        await access.replace(self._table, _to_entity(session), version)


def _to_entity(session: ConsentSession) -> dict[str, Any]:
    entity = {
        "PartitionKey": session.session[:2],
        "RowKey": session.session,
        "msp_id": session.msp_id,
        "tid": session.tid,
        "oid": session.oid,
        "name": session.name,
        "expires_at": session.expires_at,
        "spent_at": session.spent_at,
        "refused": session.refused and str(session.refused),
        "finished_at": session.finished_at,
        "reused_at": session.reused_at,
        "customer": session.customer,
    }
    return {name: value for name, value in entity.items() if value is not None}


def _from_entity(entity: TableEntity) -> ConsentSession:
    return ConsentSession(
        session=SessionHash(entity["RowKey"]),
        msp_id=MspId(entity["msp_id"]),
        tid=TenantId(entity["tid"]),
        oid=ObjectId(entity["oid"]),
        name=entity["name"],
        expires_at=access.as_utc(entity["expires_at"]) or entity["expires_at"],
        spent_at=access.as_utc(entity.get("spent_at")),
        refused=_refused(entity.get("refused")),
        finished_at=access.as_utc(entity.get("finished_at")),
        reused_at=access.as_utc(entity.get("reused_at")),
        customer=entity.get("customer"),
    )


def _refused(outcome: str | None) -> ConsentOutcome | None:
    """Return why a session was refused; an outcome unknown to this release counts as INVALID."""
    if outcome is None:
        return None
    return ConsentOutcome(outcome) if outcome in ConsentOutcome else ConsentOutcome.INVALID
