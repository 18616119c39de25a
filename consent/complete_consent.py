"""Going on from the queue with a consent that was pending, or that a crash cut off."""

import logging

from consent.conclude import (
    CONSENT_GIVEN_UP_AFTER,
    ConsentPorts,
    close,
    finish,
    prove,
    queue_next_attempt,
    refuse,
)
from domain.consent_session import ConsentSession, ConsentState
from domain.errors import ConsentRequired, MicrosoftUnavailable, StorageUnavailable
from domain.identifiers import SessionRef
from domain.ports.pending_work import WorkKind

_log = logging.getLogger(__name__)


async def complete_consent(ports: ConsentPorts, ref: SessionRef, request_id: str) -> None:
    """Make one attempt to conclude a session whose state was spent, for at most 10 minutes.

    A session that is finished, or that a later one or a disable has replaced, is dropped.
    """
    known = await ports.sessions.find(ref.session)
    if known is None or known.value.finished_at is not None:
        await ports.pending_work.drop(WorkKind.COMPLETE_CONSENT, ref)
        return
    session = known.value
    if session.spent_at is None:
        await _drop_when_expired(ports, session, ref)
    elif session.refused is not None:
        await refuse(ports, session, session.refused, request_id)
    elif await _is_superseded(ports, session):
        await close(ports, session)
    else:
        await _attempt(ports, session, request_id)


async def _drop_when_expired(ports: ConsentPorts, session: ConsentSession, ref: SessionRef) -> None:
    """Wait for a callback that may be about to spend the state; after its time, forget it."""
    if ports.clock.now() >= session.expires_at:
        await ports.pending_work.drop(WorkKind.COMPLETE_CONSENT, ref)


async def _is_superseded(ports: ConsentPorts, session: ConsentSession) -> bool:
    head = await ports.msps.head(session.msp_id)
    record = head.consent.value if head and head.consent else None
    if record is None:
        return True
    return record.session != session.session and record.state is not ConsentState.STARTED


async def _attempt(ports: ConsentPorts, session: ConsentSession, request_id: str) -> None:
    try:
        proof = await prove(ports, session)
    except StorageUnavailable:
        raise
    except (ConsentRequired, MicrosoftUnavailable):
        if not _is_given_up(ports, session):
            await queue_next_attempt(ports, session)
            return
        proof = None
    except Exception:
        if not _is_given_up(ports, session):
            raise
        _log.exception("a consent is given up")
        proof = None
    await finish(ports, session, proof, request_id)


def _is_given_up(ports: ConsentPorts, session: ConsentSession) -> bool:
    return (
        session.spent_at is not None
        and ports.clock.now() >= session.spent_at + CONSENT_GIVEN_UP_AFTER
    )
