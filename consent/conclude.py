"""Concluding a consent: the proof from Microsoft, and the one transaction that follows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.audit import Actor, Cause
from domain.consent_session import (
    ConsentOutcome,
    ConsentRecord,
    ConsentSession,
    ConsentState,
    state_of,
)
from domain.errors import (
    ConcurrentChange,
    ConsentRequired,
    MicrosoftRefused,
    MicrosoftUnavailable,
    OrganizationMismatch,
    PartnerTenantExists,
)
from domain.identifiers import SessionRef
from domain.partner_tenant import Enabling, enable, note_permissions
from domain.ports.clock import Clock
from domain.ports.consent_sessions import ConsentSessions
from domain.ports.identity import Identity
from domain.ports.msp_store import MspStore, TenantRecords
from domain.ports.pending_work import PendingWork, PendingWorkStore, WorkKind
from domain.ports.queues import Queues
from domain.row_changes import Decision, Insert, Replace, RowChange, decide_and_commit
from domain.sync_request import SyncRequests
from domain.tenant import Organization, Tenant

_log = logging.getLogger(__name__)

CONSENT_GIVEN_UP_AFTER = timedelta(minutes=10)
_CALLBACK_SECONDS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
_SOON, _LATER = 5, 20
_FINAL = {ConsentState.COMPLETED, ConsentState.FAILED}


@dataclass(frozen=True, slots=True)
class ConsentPorts:
    """What the consent area needs from outside.

    Args:
        pause: Waits for a number of seconds.
    """

    msps: MspStore
    sessions: ConsentSessions
    sync_requests: SyncRequests
    pending_work: PendingWorkStore
    queues: Queues
    identity: Identity
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


async def conclude_in_callback(
    ports: ConsentPorts, session: ConsentSession, request_id: str
) -> ConsentOutcome:
    """Prove and conclude within the 10 s that a browser waits, else leave it to the queue."""
    try:
        async with asyncio.timeout(_CALLBACK_SECONDS):
            proof = await _prove_until_it_holds(ports, session)
    except TimeoutError:
        outcome, _ = await record_outcome(ports, session, ConsentOutcome.PENDING, None, request_id)
        if outcome is ConsentOutcome.PENDING:
            await queue_next_attempt(ports, session)
        else:
            await close(ports, session)
        return outcome
    return await finish(ports, session, proof, request_id)


async def _prove_until_it_holds(
    ports: ConsentPorts, session: ConsentSession
) -> Organization | None:
    pause = _FIRST_PAUSE
    while True:
        try:
            return await prove(ports, session)
        except (ConsentRequired, MicrosoftUnavailable):
            # Consent takes seconds to propagate in Entra.
            await ports.pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def prove(ports: ConsentPorts, session: ConsentSession) -> Organization | None:
    """Return the organisation that Microsoft confirms, or None when no waiting will help.

    Raises:
        ConsentRequired: Not, or not yet.
        MicrosoftUnavailable: No answer.
    """
    head = await ports.msps.head(session.msp_id)
    if head is None:
        return None
    try:
        return await ports.identity.prove_consent(head.msp.value, session.tid)
    except (MicrosoftRefused, OrganizationMismatch) as error:
        _log.warning("consent cannot be proven: %s", type(error).__name__)
        return None


async def finish(
    ports: ConsentPorts, session: ConsentSession, proof: Organization | None, request_id: str
) -> ConsentOutcome:
    """Write the final outcome, once; the first sync follows when the tenant is enabled."""
    wanted = ConsentOutcome.FAILED if proof is None else ConsentOutcome.ENABLED
    outcome, tenant = await record_outcome(ports, session, wanted, proof, request_id)
    if outcome is ConsentOutcome.ENABLED and tenant is not None:
        await ports.sync_requests.request(tenant.ref, ports.clock.now())
    await close(ports, session)
    return outcome


async def refuse(
    ports: ConsentPorts, session: ConsentSession, outcome: ConsentOutcome, request_id: str
) -> ConsentOutcome:
    """Write down that a session enables nothing."""
    outcome, _ = await record_outcome(ports, session, outcome, None, request_id)
    await close(ports, session)
    return outcome


async def close(ports: ConsentPorts, session: ConsentSession) -> None:
    """Mark the session as finished; then there is nothing left to recover."""
    known = await ports.sessions.find(session.session)
    while known and known.value.finished_at is None:
        finished = replace(known.value, finished_at=ports.clock.now())
        try:
            await ports.sessions.replace(finished, known.version)
        except ConcurrentChange:  # Somebody uses its state again, or closes it too.
            known = await ports.sessions.find(session.session)
        else:
            break
    await ports.pending_work.drop(WorkKind.COMPLETE_CONSENT, _ref(session))


async def queue_next_attempt(ports: ConsentPorts, session: ConsentSession) -> None:
    """Ask the queue to try again: soon at first, then less often."""
    now = ports.clock.now()
    young = session.spent_at is None or now - session.spent_at < timedelta(minutes=1)
    delay = _SOON if young else _LATER
    due = now + timedelta(seconds=delay)
    await ports.pending_work.record(PendingWork(WorkKind.COMPLETE_CONSENT, _ref(session), due))
    await ports.queues.complete_consent(_ref(session), delay_seconds=delay)


def _ref(session: ConsentSession) -> SessionRef:
    return SessionRef(session.msp_id, session.session)


async def record_outcome(
    ports: ConsentPorts,
    session: ConsentSession,
    outcome: ConsentOutcome,
    proof: Organization | None,
    request_id: str,
) -> tuple[ConsentOutcome, Tenant | None]:
    """Commit the outcome, its audit event, and the tenant that comes of it.

    Returns:
        The outcome that stands, and the partner tenant when it is enabled.
    """
    actor = Actor("consent", session.tid, session.oid, session.name)
    cause = Cause(actor, ports.clock.now(), request_id)
    return await decide_and_commit(
        lambda: ports.msps.snapshot(session.msp_id, session.tid),
        lambda snapshot: decide_outcome(snapshot, session, outcome, proof, cause),
        ports.msps.commit,
    )


def decide_outcome(
    snapshot: TenantRecords,
    session: ConsentSession,
    outcome: ConsentOutcome,
    proof: Organization | None,
    cause: Cause,
) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
    """Decide what a consent comes to; one that has its final outcome keeps it.

    Without a record a disable has come in between: it ends the sessions that were begun before
    it, so what Microsoft confirmed enables nothing any more.
    """
    known = snapshot.head.consent
    if known and known.value.session == session.session and known.value.state in _FINAL:
        return _final_outcome(snapshot, known.value)
    if known is None and outcome in (ConsentOutcome.ENABLED, ConsentOutcome.PENDING):
        outcome, proof = ConsentOutcome.EXPIRED, None
    tenant: Tenant | None = None
    operations: tuple[RowChange, ...] = ()
    if proof is not None:
        outcome, tenant, operations = _enabling(snapshot, proof, cause)
    event = cause.event(
        session.msp_id, _action(outcome), tenant_id=session.tid, outcome=str(outcome)
    )
    operations += (Insert(event),)
    if known and _may_show(known.value, session, outcome):
        record = _record(session, outcome, proof, cause)
        operations += (Replace(record, known.version),)
    return Decision((outcome, tenant), operations)


def _may_show(shown: ConsentRecord, session: ConsentSession, outcome: ConsentOutcome) -> bool:
    """Tell whether an outcome takes the place of what the portal shows.

    A newer session's record stays when this one comes to nothing, and when that one is further.
    """
    state = state_of(outcome)
    if shown.session == session.session or state is ConsentState.COMPLETED:
        return True
    return state is ConsentState.PENDING and shown.state is ConsentState.STARTED


def _record(
    session: ConsentSession, outcome: ConsentOutcome, proof: Organization | None, cause: Cause
) -> ConsentRecord:
    return ConsentRecord(
        session.msp_id,
        session.session,
        state_of(outcome),
        outcome,
        cause.at,
        detected_tenant_id=proof.tenant_id if proof else None,
    )


def _final_outcome(
    snapshot: TenantRecords, record: ConsentRecord
) -> Decision[tuple[ConsentOutcome, Tenant | None]]:
    own = snapshot.tenant and snapshot.tenant.value.is_own_msp_tenant
    tenant = snapshot.tenant.value if own and snapshot.tenant else None
    return Decision((record.outcome or ConsentOutcome.FAILED, tenant))


def _enabling(
    snapshot: TenantRecords, proof: Organization, cause: Cause
) -> tuple[ConsentOutcome, Tenant | None, tuple[RowChange, ...]]:
    try:
        decision = enable(snapshot, proof, cause, convert=False)
    except PartnerTenantExists:
        return ConsentOutcome.PARTNER_TENANT_EXISTS, None, ()
    if decision.result.enabling is Enabling.EXISTING_CUSTOMER:
        return ConsentOutcome.EXISTING_TENANT, None, ()
    # What another tenant has consented to says nothing of the partner tenant's permissions.
    noted = note_permissions(snapshot, proof)
    return ConsentOutcome.ENABLED, decision.result.tenant, decision.operations + noted


def _action(outcome: ConsentOutcome) -> str:
    state = state_of(outcome)
    if state is ConsentState.PENDING:
        return "consent.pending"
    return "consent.completed" if state is ConsentState.COMPLETED else "consent.refused"
