"""The callback: what a redirect may set off, and what it never may."""

from dataclasses import replace

from consent.conclude import ConsentPorts, close, conclude_in_callback
from consent.redirect import Redirect, refusal
from domain.audit import UNATTRIBUTED, Actor, Cause
from domain.changes import Decision, Insert, Operation, Versioned, decide_and_commit, write
from domain.consent_session import ConsentRecord, ConsentSession, Outcome, state_of
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, SessionRef
from domain.ports import Intent, IntentKind, Snapshot
from domain.roles import Permission


async def receive_redirect(ports: ConsentPorts, redirect: Redirect, request_id: str) -> Outcome:
    """Take a redirect, spend its state, and return what the portal is told.

    Nothing is enabled unless the state is known, unexpired and unspent, the tenant is the one
    that the starter signed in from, the starter still may, and Microsoft confirms the tenant.
    """
    known = await ports.sessions.find(redirect.session) if redirect.session else None
    if known is None:
        return await _refuse_unknown(ports, UNATTRIBUTED, Actor("consent"), request_id)
    session = known.value
    if session.spent_at is not None:
        return await _refuse_reused(ports, session, request_id)
    refused = refusal(redirect, session, ports.clock.now())
    if refused is None and not await _starter_still_may(ports, session):
        refused = Outcome.INVALID
    if refused is None:
        await _record_intent(ports, session)
    try:
        spent = await _spend(ports, known)
    except ConcurrentChange:
        return await _refuse_reused(ports, session, request_id)
    if refused is None:
        return await conclude_in_callback(ports, spent, request_id)
    await _record_refusal(ports, spent, refused, request_id)
    await close(ports, spent)
    return refused


async def _starter_still_may(ports: ConsentPorts, session: ConsentSession) -> bool:
    member = await ports.msps.staff_member(session.msp_id, session.tid, session.oid)
    return member is not None and member.value.may(Permission.CONSENT_MANAGE)


async def _record_intent(ports: ConsentPorts, session: ConsentSession) -> None:
    """Put the consent on record before its state is spent, so that a crash loses nothing."""
    ref = SessionRef(session.msp_id, session.session)
    intent = Intent(IntentKind.COMPLETE_CONSENT, ref, ports.clock.now())
    await ports.intents.record(intent)


async def _spend(ports: ConsentPorts, known: Versioned[ConsentSession]) -> ConsentSession:
    """Use the state up; of two redirects with one state, one gets past here."""
    spent = replace(known.value, spent_at=ports.clock.now())
    await ports.sessions.replace(spent, known.version)
    return spent


async def _refuse_reused(ports: ConsentPorts, session: ConsentSession, request_id: str) -> Outcome:
    actor = Actor("consent", session.tid, session.oid, session.name)
    return await _refuse_unknown(ports, session.msp_id, actor, request_id)


async def _refuse_unknown(
    ports: ConsentPorts, msp_id: MspId, actor: Actor, request_id: str
) -> Outcome:
    """Record a redirect that changes nothing, not even the current session's outcome."""
    cause = Cause(actor, ports.clock.now(), request_id)
    event = cause.event(msp_id, "consent.refused", outcome=str(Outcome.INVALID))
    await ports.msps.commit((Insert(event),))
    return Outcome.INVALID


async def _record_refusal(
    ports: ConsentPorts, session: ConsentSession, refused: Outcome, request_id: str
) -> None:
    actor = Actor("consent", session.tid, session.oid, session.name)
    cause = Cause(actor, ports.clock.now(), request_id)
    await decide_and_commit(
        lambda: ports.msps.snapshot(session.msp_id, session.tid),
        lambda snapshot: _decide_refusal(snapshot, session, refused, cause),
        ports.msps.commit,
    )


def _decide_refusal(
    snapshot: Snapshot, session: ConsentSession, refused: Outcome, cause: Cause
) -> Decision[None]:
    """Decide the refusal's event, and the record if it is still of this session."""
    event = cause.event(
        session.msp_id, "consent.refused", tenant_id=session.tid, outcome=str(refused)
    )
    operations: tuple[Operation, ...] = (Insert(event),)
    known = snapshot.head.consent
    if known and known.value.session == session.session:
        record = ConsentRecord(
            session.msp_id, session.session, state_of(refused), refused, cause.at
        )
        operations += (write(record, known),)
    return Decision(None, operations)
