"""The callback: what a redirect may set off, and what it never may."""

import logging
from dataclasses import replace

from consent.conclude import ConsentPorts, conclude_in_callback, refuse
from consent.redirect import Redirect, refusal
from domain.audit import Actor, Cause
from domain.consent_session import ConsentOutcome, ConsentSession
from domain.errors import ConcurrentChange
from domain.identifiers import SessionRef
from domain.ports.pending_work import PendingWork, WorkKind
from domain.roles import Permission, StaffMember
from domain.row_changes import Insert, Versioned
from edge.telemetry import count

_log = logging.getLogger(__name__)


async def receive_redirect(
    ports: ConsentPorts, redirect: Redirect, request_id: str
) -> ConsentOutcome:
    """Take a redirect, spend its state, and return what the portal is told.

    Nothing is enabled unless the state is known, unexpired and unspent, the tenant is the one
    that the starter signed in from, the starter still may, and Microsoft confirms the tenant.
    """
    known = await ports.sessions.find(redirect.session) if redirect.session else None
    if known is None:
        # It is no MSP's, and anybody may guess: a row for each would grow without end.
        count("consent.states_unknown")
        _log.info("a redirect with an unknown state was refused, request %s", request_id)
        return ConsentOutcome.INVALID
    session = known.value
    if session.spent_at is not None:
        return await _refuse_reused(ports, session, request_id)
    refused = refusal(redirect, session, ports.clock.now())
    if refused is None and not await _starter_still_may(ports, session):
        refused = ConsentOutcome.INVALID
    await _record_intent(ports, session)
    try:
        spent = await _spend(ports, known, refused)
    except ConcurrentChange:
        return await _refuse_reused(ports, session, request_id)
    return await _conclude(ports, spent, request_id)


async def _conclude(ports: ConsentPorts, spent: ConsentSession, request_id: str) -> ConsentOutcome:
    """Conclude a spent session; whatever goes wrong now, its work is on record."""
    try:
        if spent.refused is not None:
            return await refuse(ports, spent, spent.refused, request_id)
        return await conclude_in_callback(ports, spent, request_id)
    except Exception:  # noqa: BLE001  the browser is sent on, and the queue goes on
        _log.exception("a consent could not be concluded, request %s", request_id)
        return spent.refused or ConsentOutcome.PENDING


async def _starter_still_may(ports: ConsentPorts, session: ConsentSession) -> bool:
    member = await ports.msps.find(StaffMember, session.msp_id, session.tid, session.oid)
    return member is not None and member.value.may(Permission.CONSENT_MANAGE)


async def _record_intent(ports: ConsentPorts, session: ConsentSession) -> None:
    """Put the consent on record before its state is spent, so that a crash loses nothing."""
    ref = SessionRef(session.msp_id, session.session)
    intent = PendingWork(WorkKind.COMPLETE_CONSENT, ref, ports.clock.now())
    await ports.pending_work.record(intent)


async def _spend(
    ports: ConsentPorts, known: Versioned[ConsentSession], refused: ConsentOutcome | None
) -> ConsentSession:
    """Use the state up, whatever follows; of two redirects with one state, one gets past here."""
    spent = replace(known.value, spent_at=ports.clock.now(), refused=refused)
    await ports.sessions.replace(spent, known.version)
    return spent


async def _refuse_reused(
    ports: ConsentPorts, session: ConsentSession, request_id: str
) -> ConsentOutcome:
    """Record the first redirect with a state that is used up; it changes nothing else.

    Others are counted alone: whoever has a state may send it as often as they like.
    """
    count("consent.states_reused")
    known = await ports.sessions.find(session.session)
    if known is None or known.value.reused_at is not None:
        return ConsentOutcome.INVALID
    now = ports.clock.now()
    try:
        await ports.sessions.replace(replace(known.value, reused_at=now), known.version)
    except ConcurrentChange:
        return ConsentOutcome.INVALID  # It is being concluded, or somebody else records this one.
    actor = Actor("consent", session.tid, session.oid, session.name)
    event = Cause(actor, now, request_id).event(
        session.msp_id, "consent.refused", outcome=str(ConsentOutcome.INVALID)
    )
    await ports.msps.commit((Insert(event),))
    return ConsentOutcome.INVALID
