"""The callback: checks Microsoft's redirect, spends its state, and completes it in time."""

import asyncio
import logging
from dataclasses import replace

from consent.callback_query import CallbackQuery
from consent.outcome import complete, postpone
from consent.ports import ConsentPorts
from consent.proof import prove_with_retries
from consent.session_work import record_work
from domain.audit import Actor, Cause
from domain.consent_session import ConsentOutcome, ConsentSession
from domain.errors import ConcurrentChange
from domain.roles import Permission, StaffMember
from domain.row_changes import Insert
from telemetry import count

_log = logging.getLogger(__name__)
_BROWSER_SECONDS = 10


async def receive_callback(
    ports: ConsentPorts, query: CallbackQuery, request_id: str
) -> ConsentOutcome:
    """Take a redirect, spend its state, and return the outcome for the portal.

    Nothing is enabled unless the state is known, unexpired and unspent, the tenant is the one
    that the starter signed in from, the starter may still consent, and Microsoft confirms the
    tenant. No error gets out, since a browser is waiting: once the state is spent, the pending
    work is on record and the queue takes over.
    """
    spent: ConsentSession | None = None
    try:
        spent = await _spend_state(ports, query, request_id)
        if spent is None:
            return ConsentOutcome.INVALID
        if spent.refused is not None:
            return await complete(ports, spent, spent.refused, request_id)
        return await _complete_in_time(ports, spent, request_id)
    except Exception:  # noqa: BLE001  the browser goes back to the portal, whatever failed
        if spent is None:
            _log.exception("a redirect could not be received, request %s", request_id)
            return ConsentOutcome.FAILED
        _log.exception("a consent could not be completed, request %s", request_id)
        return spent.refused or ConsentOutcome.PENDING


async def _spend_state(
    ports: ConsentPorts, query: CallbackQuery, request_id: str
) -> ConsentSession | None:
    """Return the session with its state spent, or None when it is unknown or spent already.

    A redirect that is refused spends the state too. Of two redirects with one state, one gets
    the session.
    """
    known = await ports.sessions.find(query.session) if query.session else None
    if known is None:
        # It belongs to no MSP, and anybody may guess: a row for each would grow without end.
        count("consent.states_unknown")
        _log.info("a redirect with an unknown state was refused, request %s", request_id)
        return None
    session = known.value
    if session.spent_at is None:
        refused = await _refusal(ports, query, session)
        await record_work(ports, session)
        spent = replace(session, spent_at=ports.clock.now(), refused=refused)
        try:
            await ports.sessions.replace(spent, known.version)
        except ConcurrentChange:
            pass  # Another redirect has spent it.
        else:
            return spent
    await _record_reuse(ports, session, request_id)
    return None


async def _refusal(
    ports: ConsentPorts, query: CallbackQuery, session: ConsentSession
) -> ConsentOutcome | None:
    refused = query.refusal(session, ports.clock.now())
    if refused is not None or session.customer is not None:
        return refused  # A customer's consent is the customer's, whoever sent the link.
    member = await ports.msps.find(StaffMember, session.msp_id, session.tid, session.oid)
    if member is None or not member.value.may(Permission.CONSENT_MANAGE):
        return ConsentOutcome.INVALID
    return None


async def _complete_in_time(
    ports: ConsentPorts, session: ConsentSession, request_id: str
) -> ConsentOutcome:
    """Complete the session while the browser waits, or postpone it."""
    try:
        async with asyncio.timeout(_BROWSER_SECONDS):
            result = await prove_with_retries(ports, session)
    except TimeoutError:
        return await postpone(ports, session, request_id)
    return await complete(ports, session, result, request_id)


async def _record_reuse(ports: ConsentPorts, session: ConsentSession, request_id: str) -> None:
    """Record the first redirect with a spent state; it changes nothing else.

    Later ones are only counted: whoever has a state may send it as often as they like.
    """
    count("consent.states_reused")
    known = await ports.sessions.find(session.session)
    if known is None or known.value.reused_at is not None:
        return
    now = ports.clock.now()
    try:
        await ports.sessions.replace(replace(known.value, reused_at=now), known.version)
    except ConcurrentChange:
        return  # The session is being completed, or another redirect records the reuse.
    actor = Actor("consent", session.tid, session.oid, session.name)
    event = Cause(actor, now, request_id).event(
        session.msp_id, "consent.refused", outcome=str(ConsentOutcome.INVALID)
    )
    await ports.msps.commit((Insert(event),))
