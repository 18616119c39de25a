"""The route of the audit log."""

from typing import Any

from pydantic import AwareDatetime, Field

from domain.audit import AuditEvent, AuditFilter
from domain.identifiers import parse_tenant_id
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.roles import Permission
from edge.actor_answer import ActorAnswer
from edge.lists import list_route
from edge.models import ApiModel, GuidText, ListQuery, NoBody, Timestamp
from edge.requests import StaffRequest
from edge.routes import RouteTable


class AuditQuery(ListQuery):
    """Filters of the audit log: from (with), to (without), and one tenant."""

    tenant_id: GuidText | None = None
    from_: AwareDatetime | None = Field(None, alias="from")
    to: AwareDatetime | None = None


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
        """Return an event's answer."""
        return cls(
            id=event.event_id,
            at=event.at,
            action=event.action,
            actor=ActorAnswer.of(event.actor),
            tenant_id=event.tenant_id,
            outcome=event.outcome,
            before=dict(event.before) if event.before is not None else None,
            after=dict(event.after) if event.after is not None else None,
            request_id=event.request_id,
        )


routes = RouteTable[MspStore]("audit")


@list_route(routes, "audit-events", Permission.AUDIT_READ, AuditEventAnswer, AuditQuery)
async def list_audit_events(
    msps: MspStore, request: StaffRequest[NoBody, AuditQuery]
) -> Page[AuditEventAnswer]:
    """List the MSP's audit events, newest first."""
    query = request.query
    tenant_id = parse_tenant_id(query.tenant_id) if query.tenant_id else None
    shown = AuditFilter(tenant_id, query.from_, query.to)
    page = await msps.audit_events(request.caller.msp_id, query.page_size, query.page_token, shown)
    return page.map(AuditEventAnswer.of)
