"""The queue's attempts to complete a consent that is pending, or that a crash interrupted."""

import logging
from datetime import timedelta

from consent.outcome import complete
from consent.ports import ConsentPorts
from consent.proof import prove
from consent.session_work import mark_finished, queue_attempt
from domain.consent_session import ConsentOutcome, ConsentSession, ConsentState
from domain.errors import ConsentRequired, MicrosoftUnavailable, StorageUnavailable
from domain.identifiers import SessionRef
from domain.work_queues import COMPLETE_CONSENT

_log = logging.getLogger(__name__)

CONSENT_GIVEN_UP_AFTER = timedelta(minutes=10)


async def complete_consent(ports: ConsentPorts, ref: SessionRef, request_id: str) -> None:
    """Make one attempt to complete a session whose state is spent, for at most 10 minutes.

    A session that is finished, or that a later session or a disable has superseded, is dropped.
    """
    known = await ports.sessions.find(ref.session)
    if known is None or known.value.finished_at is not None:
        await ports.pending_work.drop(COMPLETE_CONSENT, ref)
        return
    session = known.value
    if session.spent_at is None:
        await _drop_when_expired(ports, session, ref)
    elif session.refused is not None:
        await complete(ports, session, session.refused, request_id)
    elif await _is_superseded(ports, session):
        await mark_finished(ports, session)
    else:
        await _attempt(ports, session, request_id)


async def _drop_when_expired(ports: ConsentPorts, session: ConsentSession, ref: SessionRef) -> None:
    """Wait while a callback may still spend the state; drop the work once it has expired."""
    if ports.clock.now() >= session.expires_at:
        await ports.pending_work.drop(COMPLETE_CONSENT, ref)


async def _is_superseded(ports: ConsentPorts, session: ConsentSession) -> bool:
    if session.customer is not None:
        return False  # The MSP's record is of its own tenant's sessions.
    head = await ports.msps.head(session.msp_id)
    record = head.consent.value if head and head.consent else None
    if record is None:
        return True
    return record.session != session.session and record.state is not ConsentState.STARTED


async def _attempt(ports: ConsentPorts, session: ConsentSession, request_id: str) -> None:
    try:
        result = await prove(ports, session)
    except StorageUnavailable:
        raise
    except (ConsentRequired, MicrosoftUnavailable):
        if not _is_given_up(ports, session):
            await queue_attempt(ports, session)
            return
        result = ConsentOutcome.FAILED
    except Exception:
        if not _is_given_up(ports, session):
            raise
        _log.exception("a consent is given up")
        result = ConsentOutcome.FAILED
    await complete(ports, session, result, request_id)


def _is_given_up(ports: ConsentPorts, session: ConsentSession) -> bool:
    return (
        session.spent_at is not None
        and ports.clock.now() >= session.spent_at + CONSENT_GIVEN_UP_AFTER
    )
