from datetime import timedelta

from domain.consent_session import hash_state
from domain.identifiers import MspId, SessionRef, TenantRef
from domain.ports.pending_work import PendingWork
from domain.tenant import Tenant
from domain.work_queues import COMPLETE_CONSENT, PURGE_TENANT, of_tenants
from tests.fakes.outside import FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakePendingWork
from tests.samples import CONTOSO, MSP, NOW, tenant
from work.requeue import WorkPorts, requeue_work

AFTER = timedelta(minutes=2)
REMOVED = tenant().ref
SESSION = SessionRef(CONTOSO, hash_state("x"))


async def redelivered(
    store: FakeMspStore, *pending_work: PendingWork, minutes: float = 3
) -> tuple[FakeQueues, FakePendingWork]:
    queues, known, clock = FakeQueues(), FakePendingWork(), FixedClock()
    for intent in pending_work:
        await known.record(intent)
    clock.advance(minutes=minutes)
    await requeue_work(WorkPorts(msps=store, pending_work=known, queues=queues, clock=clock), AFTER)
    return queues, known


async def test_work_whose_message_was_lost_is_queued_anew_and_stays_on_record() -> None:
    queues, pending_work = await redelivered(
        FakeMspStore(MSP),
        PendingWork(PURGE_TENANT, REMOVED, NOW),
        PendingWork(COMPLETE_CONSENT, SESSION, NOW),
    )
    assert (queues.purges, queues.consents) == ([REMOVED], [SESSION])
    assert {intent.queued_at for intent in pending_work.rows.values()} == {
        NOW + timedelta(minutes=3)
    }


async def test_young_work_is_left_to_its_message() -> None:
    intent = PendingWork(PURGE_TENANT, REMOVED, NOW)
    queues, _ = await redelivered(FakeMspStore(MSP), intent, minutes=1)
    assert queues.purges == []


async def test_a_removal_that_was_never_committed_is_not_purged_and_is_forgotten_later() -> None:
    store, intent = FakeMspStore(MSP, tenant()), PendingWork(PURGE_TENANT, REMOVED, NOW)
    queues, pending_work = await redelivered(store, intent)
    assert (queues.purges, len(pending_work.rows)) == ([], 1)
    queues, pending_work = await redelivered(store, intent, minutes=31)
    assert (queues.purges, len(pending_work.rows)) == ([], 0)


async def test_one_intents_trouble_does_not_hold_up_the_others() -> None:
    store = FakeMspStore(MSP)
    working = store.find

    async def failing(kind: type[Tenant], msp_id: MspId, tenant_id: str) -> None:
        if tenant_id == REMOVED.tenant_id:
            raise RuntimeError("trouble")
        await working(kind, msp_id, tenant_id)

    store.find = failing  # type: ignore[assignment, method-assign]  # one row cannot be read
    other = TenantRef(CONTOSO, SESSION.session[:36], REMOVED.epoch)  # type: ignore[arg-type]  # any ID
    queues, _ = await redelivered(
        store,
        PendingWork(PURGE_TENANT, REMOVED, NOW),
        PendingWork(PURGE_TENANT, other, NOW),
    )
    assert queues.purges == [other]


async def test_work_about_a_tenant_goes_to_its_own_queue_and_only_a_purge_needs_no_row() -> None:
    assign = of_tenants("assign-access", "tenant.assign_failed")
    queues, pending_work = await redelivered(
        FakeMspStore(MSP, tenant()),
        PendingWork(assign, REMOVED, NOW),
        PendingWork(COMPLETE_CONSENT, SESSION, NOW),
        minutes=120,
    )
    assert (queues.purges, queues.consents) == ([], [SESSION])
    assert queues.others == [("assign-access", REMOVED)]
    assert (assign, REMOVED) in pending_work.rows
