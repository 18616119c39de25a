from datetime import timedelta
from typing import Any

import pytest

from domain.consent_session import hash_state
from domain.identifiers import SessionRef, TenantRef
from domain.ports.pending_work import PendingWork, WorkKind
from tests.fakes.outside import FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakePendingWork
from tests.samples import CONTOSO, MSP, NOW, tenant
from work.requeue import WorkPorts, requeue_work

AFTER = timedelta(minutes=2)
REMOVED = tenant().ref
SESSION = SessionRef(CONTOSO, hash_state("x"))


async def redelivered(
    store: FakeMspStore, *intents: PendingWork, minutes: float = 3
) -> tuple[FakeQueues, FakePendingWork]:
    queues, known, clock = FakeQueues(), FakePendingWork(), FixedClock()
    for intent in intents:
        await known.record(intent)
    clock.advance(minutes=minutes)
    await requeue_work(WorkPorts(msps=store, intents=known, queues=queues, clock=clock), AFTER)
    return queues, known


async def test_work_whose_message_was_lost_is_queued_anew_and_stays_on_record() -> None:
    queues, intents = await redelivered(
        FakeMspStore(MSP),
        PendingWork(WorkKind.PURGE_TENANT, REMOVED, NOW),
        PendingWork(WorkKind.COMPLETE_CONSENT, SESSION, NOW),
    )
    assert (queues.purges, queues.consents) == ([REMOVED], [SESSION])
    assert {intent.queued_at for intent in intents.rows.values()} == {NOW + timedelta(minutes=3)}


async def test_young_work_is_left_to_its_message() -> None:
    intent = PendingWork(WorkKind.PURGE_TENANT, REMOVED, NOW)
    queues, _ = await redelivered(FakeMspStore(MSP), intent, minutes=1)
    assert queues.purges == []


async def test_a_removal_that_was_never_committed_is_not_purged_and_is_forgotten_later() -> None:
    store, intent = FakeMspStore(MSP, tenant()), PendingWork(WorkKind.PURGE_TENANT, REMOVED, NOW)
    queues, intents = await redelivered(store, intent)
    assert (queues.purges, len(intents.rows)) == ([], 1)
    queues, intents = await redelivered(store, intent, minutes=31)
    assert (queues.purges, len(intents.rows)) == ([], 0)


async def test_one_intents_trouble_does_not_hold_up_the_others() -> None:
    store = FakeMspStore(MSP)
    working = store.tenant

    async def failing(msp_id: str, tenant_id: str) -> None:
        if tenant_id == REMOVED.tenant_id:
            raise RuntimeError("trouble")
        await working(msp_id, tenant_id)  # type: ignore[arg-type]  # passed on

    store.tenant = failing  # type: ignore[method-assign]  # one row cannot be read
    other = TenantRef(CONTOSO, SESSION.session[:36], REMOVED.epoch)  # type: ignore[arg-type]  # any ID
    queues, _ = await redelivered(
        store,
        PendingWork(WorkKind.PURGE_TENANT, REMOVED, NOW),
        PendingWork(WorkKind.PURGE_TENANT, other, NOW),
    )
    assert queues.purges == [other]


async def test_work_is_told_apart_by_its_kind_and_another_kind_stays_on_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two kinds of work may concern a tenant; only a purge deletes its data."""
    other: Any = "assign-access"
    queues, intents = await redelivered(
        FakeMspStore(MSP, tenant()),
        PendingWork(other, REMOVED, NOW),
        PendingWork(WorkKind.COMPLETE_CONSENT, SESSION, NOW),
        minutes=120,
    )
    assert (queues.purges, queues.consents) == ([], [SESSION])
    assert intents.rows[other, REMOVED] == PendingWork(other, REMOVED, NOW)
    assert "assign-access" in caplog.text
