"""The route of the audit log."""

from typing import Any

import azure.functions as func
from pydantic import AwareDatetime, Field

from domain.audit import AuditEvent
from domain.identifiers import parse_tenant_id
from domain.ports.msp_store import MspStore
from domain.roles import Permission
from edge.answers import Answer
from edge.models import ApiModel, GuidText, ListQuery, NoBody, Timestamp, list_answer
from edge.requests import Request
from edge.routes import Edge


class AuditQuery(ListQuery):
    """Filters of the audit log: from (with), to (without), and one tenant."""

    tenant_id: GuidText | None = None
    from_: AwareDatetime | None = Field(None, alias="from")
    to: AwareDatetime | None = None


class ActorAnswer(ApiModel):
    """Who did it."""

    kind: str
    tid: str | None
    oid: str | None
    name: str | None


class AuditEventAnswer(ApiModel):
    """One entry of the audit log."""

    id: str
    at: Timestamp
    action: str
    actor: ActorAnswer
    tenant_id: str | None
    outcome: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str

    @classmethod
    def of(cls, event: AuditEvent) -> "AuditEventAnswer":
        """Show an event."""
        actor = event.actor
        return cls(
            id=event.event_id,
            at=event.at,
            action=event.action,
            actor=ActorAnswer(kind=actor.kind, tid=actor.tid, oid=actor.oid, name=actor.name),
            tenant_id=event.tenant_id,
            outcome=event.outcome,
            before=dict(event.before) if event.before is not None else None,
            after=dict(event.after) if event.after is not None else None,
            request_id=event.request_id,
        )


AuditEventList = list_answer(AuditEventAnswer)


def audit_functions(edge: Edge, msps: MspStore) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("audit")

    @routes.route(
        "GET",
        "audit-events",
        Permission.AUDIT_READ,
        query=AuditQuery,
        answers={200: AuditEventList},
    )
    async def list_audit_events(request: Request[NoBody, AuditQuery]) -> Answer:
        query = request.query
        page = await msps.audit_events(
            request.caller.msp_id,
            query.page_size,
            query.page_token,
            tenant_id=parse_tenant_id(query.tenant_id) if query.tenant_id else None,
            since=query.from_,
            until=query.to,
        )
        items = [AuditEventAnswer.of(event) for event in page.items]
        link = request.next_link(page.next_token)
        return Answer(200, AuditEventList(items=items, next_link=link))

    return routes.blueprint
