"""Routes of admin consent, and the queue that completes a pending one."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

import azure.functions as func

from consent.callback_query import CallbackQuery
from consent.complete_consent import complete_consent
from consent.ports import ConsentPorts
from consent.receive_callback import receive_callback
from consent.start_customer_session import start_customer_session
from consent.start_session import ConsentLink, start_session
from domain.roles import Permission
from domain.work_queues import COMPLETE_CONSENT
from edge.answers import Answer
from edge.models import ApiModel, NoBody, NoQuery, Timestamp
from edge.path_tenant import tenant_of
from edge.requests import PublicRequest, StaffRequest
from edge.routes import Edge, RouteTable
from edge.triggers import FailedMessages, add_work_queue


class SessionAnswer(ApiModel):
    """Where the owner or the customer's administrator goes to consent, and for how long."""

    consent_url: str
    expires_at: Timestamp


@dataclass(frozen=True, slots=True)
class ConsentSite:
    """The area's ports, and the addresses that its routes send a browser to.

    Args:
        link: Microsoft's page.
        portal_url: The portal; never an address from the request.
    """

    ports: ConsentPorts
    link: ConsentLink
    portal_url: str


routes = RouteTable[ConsentSite]("consent")


@routes.route(
    "POST",
    "consent/sessions",
    Permission.CONSENT_MANAGE,
    answers={201: SessionAnswer},
    errors=(502,),
)
async def start_consent_session(
    site: ConsentSite, request: StaffRequest[NoBody, NoQuery]
) -> Answer:
    """Start a consent session of the caller's."""
    caller, ports = request.caller, site.ports
    cause = request.cause(ports.clock.now())
    started = await start_session(ports, site.link, caller.msp, caller.member, cause)
    body = SessionAnswer(consent_url=started.consent_url, expires_at=started.expires_at)
    return Answer(201, body)


@routes.public("GET", "consent/callback", raw_query=CallbackQuery, answers={302: None})
async def consent_callback(site: ConsentSite, request: PublicRequest) -> Answer:
    """Receive Microsoft's redirect, and send the browser back to the portal."""
    settings_page = f"{site.portal_url}/settings/graph-api"
    if request.method == "HEAD":
        # HEAD changes nothing (RFC 9110, 9.2.1): a link preview must not spend the state.
        return Answer(302, headers={"Location": settings_page})
    query = CallbackQuery.read(request.arguments)
    outcome = await receive_callback(site.ports, query, request.request_id)
    shown = urlencode({"consent": str(outcome)})
    return Answer(302, headers={"Location": f"{settings_page}?{shown}"})


@routes.route(
    "POST",
    "tenants/{tenantId}/consent-link",
    Permission.TENANTS_MANAGE,
    answers={201: SessionAnswer},
)
async def create_consent_link(site: ConsentSite, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Return a link with which a customer's administrator consents; it works once, for 7 days."""
    caller, ports = request.caller, site.ports
    tenant = (await tenant_of(ports.msps, request)).value
    cause = request.cause(ports.clock.now())
    started = await start_customer_session(ports, site.link, caller, tenant, cause)
    body = SessionAnswer(consent_url=started.consent_url, expires_at=started.expires_at)
    return Answer(201, body)


def consent_functions(edge: Edge, site: ConsentSite) -> func.Blueprint:
    """Return the area's functions: its routes, and the queue that completes a pending consent."""
    blueprint, ports = routes.bind(edge, site), site.ports
    failed = FailedMessages(ports.msps, ports.clock)
    add_work_queue(blueprint, COMPLETE_CONSENT, failed, partial(complete_consent, ports))
    return blueprint
