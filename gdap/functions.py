"""Routes of GDAP invites, and the timer that meets what became of them."""

import asyncio
from typing import Literal

import azure.functions as func
from pydantic import ConfigDict, Field, RootModel

from domain.identifiers import TenantId, parse_tenant_id
from domain.roles import Permission
from domain.tenant import GdapInvite
from edge.answers import Answer
from edge.models import (
    ApiModel,
    GuidText,
    ListQuery,
    Name,
    NoBody,
    NoQuery,
    RequestModel,
    Timestamp,
    list_answer,
)
from edge.requests import Request
from edge.routes import Edge, Routes
from edge.telemetry import traced
from gdap.invite import Invitation, Invited, InviteStatus, invite_customer
from gdap.poll_relationships import GdapPorts, poll_relationships


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


InviteList = list_answer(InviteAnswer)


def gdap_functions(edge: Edge, ports: GdapPorts) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("gdap")
    _list(routes, ports)
    _invite(routes, ports)
    _polling(routes.blueprint, ports)
    return routes.blueprint


def _list(routes: Routes, ports: GdapPorts) -> None:
    @routes.route(
        "GET",
        "gdap/invites",
        Permission.TENANTS_MANAGE,
        query=ListQuery,
        answers={200: InviteList},
    )
    async def list_gdap_invites(request: Request[NoBody, ListQuery]) -> Answer:
        query = request.query
        page = await ports.msps.page(
            GdapInvite, request.caller.msp_id, query.page_size, query.page_token
        )
        items = [
            InviteAnswer.of(invite.tenant_id, InviteStatus(invite.status), invite)
            for invite in (known.value for known in page.items)
            if invite.status in set(InviteStatus)
        ]
        return Answer(200, InviteList(items=items, next_link=request.next_link(page.next_token)))


def _invite(routes: Routes, ports: GdapPorts) -> None:
    @routes.route(
        "POST",
        "gdap/invites",
        Permission.TENANTS_MANAGE,
        body=InviteBody,
        answers={200: AnyInviteAnswer, 201: InviteAnswer},
        errors=(422, 502),
    )
    async def create_gdap_invite(request: Request[InviteBody, NoQuery]) -> Answer:
        body = request.body
        tenant_id = parse_tenant_id(body.tenant_id)
        invited = await invite_customer(
            ports.msps,
            ports.gdap,
            request.caller.msp,
            Invitation(tenant_id, body.display_name, body.duration_days),
            request.cause(ports.clock.now()),
            asyncio.sleep,
        )
        return _answer(tenant_id, invited)


def _answer(tenant_id: TenantId, invited: Invited) -> Answer:
    if invited.status is InviteStatus.SKIPPED:
        return Answer(200, SkippedAnswer(tenant_id=tenant_id))
    status = 201 if invited.status is InviteStatus.CREATED else 200
    return Answer(status, InviteAnswer.of(tenant_id, invited.status, invited.invite))


def _polling(blueprint: func.Blueprint, ports: GdapPorts) -> None:
    @blueprint.function_name("poll_gdap_relationships")
    @blueprint.timer_trigger("timer", "%GDAP_SCHEDULE%")
    @traced
    async def poll_gdap_relationships(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding's name
        await poll_relationships(ports)
