"""A session's pending work: recorded, queued for the next attempt, and removed at the end."""

from dataclasses import replace
from datetime import datetime, timedelta

from consent.ports import ConsentPorts
from domain.consent_session import ConsentSession
from domain.errors import ConcurrentChange
from domain.identifiers import SessionRef
from domain.ports.pending_work import PendingWork
from domain.work_queues import COMPLETE_CONSENT

_SOON, _LATER = 5, 20


async def record_work(ports: ConsentPorts, session: ConsentSession) -> None:
    """Record the work before the session's state is spent, so that a crash loses nothing."""
    await ports.pending_work.record(_work(session, ports.clock.now()))


async def queue_attempt(ports: ConsentPorts, session: ConsentSession) -> None:
    """Queue the next attempt: soon in the first minute, then less often."""
    now = ports.clock.now()
    young = session.spent_at is None or now - session.spent_at < timedelta(minutes=1)
    delay = _SOON if young else _LATER
    await ports.pending_work.record(_work(session, now + timedelta(seconds=delay)))
    await ports.queues.send(COMPLETE_CONSENT, _ref(session), delay_seconds=delay)


async def mark_finished(ports: ConsentPorts, session: ConsentSession) -> None:
    """Store that the session needs no more attempts, and remove its work."""
    known = await ports.sessions.find(session.session)
    while known and known.value.finished_at is None:
        finished = replace(known.value, finished_at=ports.clock.now())
        try:
            await ports.sessions.replace(finished, known.version)
        except ConcurrentChange:  # Its state is used again, or another attempt finishes it too.
            known = await ports.sessions.find(session.session)
        else:
            break
    await ports.pending_work.drop(COMPLETE_CONSENT, _ref(session))


def _work(session: ConsentSession, queued_at: datetime) -> PendingWork:
    return PendingWork(COMPLETE_CONSENT, _ref(session), queued_at)


def _ref(session: ConsentSession) -> SessionRef:
    return SessionRef(session.msp_id, session.session)
