"""Routes of admin consent, and the queue that completes a pending one."""

from urllib.parse import urlencode

import azure.functions as func

from consent.callback_query import CallbackQuery
from consent.complete_consent import complete_consent
from consent.ports import ConsentPorts
from consent.receive_callback import receive_callback
from consent.start_session import ConsentLink, start_session
from domain.messages import read_session_ref
from domain.roles import Permission
from edge.answers import Answer
from edge.models import ApiModel, NoBody, NoQuery, Timestamp
from edge.poison import PoisonKind, record_poison
from edge.requests import Request
from edge.routes import PUBLIC, Edge, Routes
from telemetry import traced

_POISON = PoisonKind("complete-consent", "consent.attempts_failed", read_session_ref)


class SessionAnswer(ApiModel):
    """Where the owner goes to consent, and until when the link works."""

    consent_url: str
    expires_at: Timestamp


def consent_functions(
    edge: Edge, ports: ConsentPorts, link: ConsentLink, portal_url: str
) -> func.Blueprint:
    """Return the area's functions.

    Args:
        portal_url: Where every browser goes; never an address from the request.
    """
    routes = edge.routes("consent")
    _sessions(routes, ports, link)
    _callback(routes, ports, portal_url)
    _queue(routes.blueprint, ports)
    return routes.blueprint


def _sessions(routes: Routes, ports: ConsentPorts, link: ConsentLink) -> None:
    @routes.route(
        "POST", "consent/sessions", Permission.CONSENT_MANAGE, answers={201: SessionAnswer}
    )
    async def start_consent_session(request: Request[NoBody, NoQuery]) -> Answer:
        caller = request.caller
        cause = request.cause(ports.clock.now())
        started = await start_session(ports, link, caller.msp, caller.member, cause)
        body = SessionAnswer(consent_url=started.consent_url, expires_at=started.expires_at)
        return Answer(201, body)


def _callback(routes: Routes, ports: ConsentPorts, portal_url: str) -> None:
    @routes.route("GET", "consent/callback", PUBLIC, raw_query=CallbackQuery, answers={302: None})
    async def consent_callback(request: Request[NoBody, NoQuery]) -> Answer:
        settings_page = f"{portal_url}/settings/graph-api"
        if request.method == "HEAD":
            # HEAD changes nothing (RFC 9110, 9.2.1): a link preview must not spend the state.
            return Answer(302, headers={"Location": settings_page})
        query = CallbackQuery.read(request.arguments)
        outcome = await receive_callback(ports, query, request.request_id)
        shown = urlencode({"consent": str(outcome)})
        return Answer(302, headers={"Location": f"{settings_page}?{shown}"})


def _queue(blueprint: func.Blueprint, ports: ConsentPorts) -> None:
    @blueprint.function_name("complete_consent")
    @blueprint.queue_trigger("message", "complete-consent", "AzureWebJobsStorage")
    @traced
    async def complete_consent_message(message: func.QueueMessage) -> None:
        ref = read_session_ref(message.get_body())
        await complete_consent(ports, ref, message.id or "")

    @blueprint.function_name("complete_consent_poison")
    @blueprint.queue_trigger("message", "complete-consent-poison", "AzureWebJobsStorage")
    @traced
    async def complete_consent_poison_message(message: func.QueueMessage) -> None:
        # The pending work is still on record, so the consent is tried again anyway.
        await record_poison(ports.msps, _POISON, message, ports.clock.now())
