"""Routes of GDAP invites, the poll of their relationships, and the consents of customers."""

from functools import partial
from typing import Literal

import azure.functions as func
from pydantic import ConfigDict, Field, RootModel

from domain.identifiers import MspRef, TenantId, parse_tenant_id
from domain.ports.page import Page
from domain.roles import Permission
from domain.tenant import GdapInvite
from domain.work_queues import CONSENT_CUSTOMER, POLL_MSP_GDAP
from edge.answers import Answer
from edge.lists import list_route
from edge.models import (
    ApiModel,
    GuidText,
    ListQuery,
    Name,
    NoBody,
    NoQuery,
    RequestModel,
    Timestamp,
)
from edge.requests import StaffRequest
from edge.routes import Edge, RouteTable
from edge.triggers import FailedMessages, add_timer, add_work_queue
from gdap.consent_customer import consent_customer
from gdap.invite import Invitation, InviteStatus, invite_customer
from gdap.poll_relationships import poll_relationships, try_poll
from gdap.ports import GdapPorts


class InviteBody(RequestModel):
    """Whom to invite; Microsoft allows a relationship of at most two years."""

    tenant_id: GuidText
    display_name: Name
    duration_days: int = Field(730, ge=1, le=730)


class InviteAnswer(ApiModel):
    """An invite that stands. A customer connected in another way has no relationship to show."""

    status: Literal["pending", "active"]
    tenant_id: str
    relationship_id: str | None
    invite_url: str | None
    expires_at: Timestamp | None

    @classmethod
    def of(
        cls, tenant_id: TenantId, status: InviteStatus, invite: GdapInvite | None
    ) -> "InviteAnswer":
        """Show an invite."""
        return cls(
            status="active" if status is InviteStatus.ACTIVE else "pending",
            tenant_id=tenant_id,
            relationship_id=invite.relationship_id if invite else None,
            invite_url=invite.invite_url if invite else None,
            expires_at=invite.expires_at if invite else None,
        )


class SkippedAnswer(ApiModel):
    """The MSP's own partner tenant needs no GDAP."""

    status: Literal["skipped"] = "skipped"
    reason: Literal["own_partner_tenant"] = "own_partner_tenant"
    tenant_id: str


class AnyInviteAnswer(RootModel[InviteAnswer | SkippedAnswer]):
    """An invite, or word that none is needed."""

    model_config = ConfigDict(defer_build=True)


routes = RouteTable[GdapPorts]("gdap")


@list_route(routes, "gdap/invites", Permission.TENANTS_MANAGE, InviteAnswer)
async def list_gdap_invites(
    ports: GdapPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[InviteAnswer]:
    """List the MSP's GDAP invites; one that is being made is left out."""
    query = request.query
    page = await ports.msps.page(
        GdapInvite, request.caller.msp_id, query.page_size, query.page_token
    )
    items = [
        InviteAnswer.of(invite.tenant_id, InviteStatus(invite.status), invite)
        for invite in (known.value for known in page.items)
        if invite.status in set(InviteStatus)
    ]
    return Page(tuple(items), page.next_token)


@routes.route(
    "POST",
    "gdap/invites",
    Permission.TENANTS_MANAGE,
    body=InviteBody,
    answers={200: AnyInviteAnswer, 201: InviteAnswer},
    errors=(422, 502),
)
async def create_gdap_invite(
    ports: GdapPorts, request: StaffRequest[InviteBody, NoQuery]
) -> Answer:
    """Invite a customer."""
    body = request.body
    tenant_id = parse_tenant_id(body.tenant_id)
    invitation = Invitation(tenant_id, body.display_name, body.duration_days)
    cause = request.cause(ports.clock.now())
    invited = await invite_customer(ports, request.caller.msp, invitation, cause)
    if invited.status is InviteStatus.SKIPPED:
        return Answer(200, SkippedAnswer(tenant_id=tenant_id))
    status = 201 if invited.status is InviteStatus.CREATED else 200
    return Answer(status, InviteAnswer.of(tenant_id, invited.status, invited.invite))


def gdap_functions(edge: Edge, ports: GdapPorts) -> func.Blueprint:
    """Return the area's functions: its routes, the poll, and the queue of customers' consents."""
    blueprint, failed = routes.bind(edge, ports), FailedMessages(ports.msps, ports.clock)

    async def poll(ref: MspRef, _message_id: str) -> None:
        await try_poll(ports, ref.msp_id)

    queue_polls = partial(poll_relationships, ports)
    add_timer(blueprint, "poll_gdap_relationships", "GDAP_SCHEDULE", queue_polls)
    add_work_queue(blueprint, POLL_MSP_GDAP, failed, poll)
    add_work_queue(blueprint, CONSENT_CUSTOMER, failed, partial(consent_customer, ports))
    return blueprint
