"""The consent in a customer's tenant: given once, proven by a token, shown if it is refused."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.sync_requests import SyncRequests
from domain.customer_consent import PROVEN_WITHIN
from domain.errors import CustomerConsentRefused, MicrosoftUnavailable
from domain.identifiers import Epoch, TenantId, TenantRef
from domain.lifecycle import OFFBOARD, SUSPEND, LifecycleStep
from domain.msp import Msp
from domain.ports.pending_work import PendingWork
from domain.tenant import AppConsent, GdapInvite, Tenant
from domain.work_queues import CONSENT_CUSTOMER
from edge.tenant_answer import ConnectionTrouble
from gdap.consent_customer import consent_customer
from gdap.consent_requests import MOST_PER_SECOND
from gdap.poll_relationships import poll_msp
from gdap.ports import GdapPorts
from tenants.edit import take_step
from tests.fakes.fuse import Died, Fuse
from tests.fakes.outside import FakeConsents, FakeGdap, FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeSyncStates
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, OWN, tenant
from work.requeue import WorkPorts, requeue_work

NOT_LISTED = CustomerConsentRefused("customer_not_listed", "Add it.")
REF = tenant().ref


class World:
    """Contoso with customers whose relationships are active, and Microsoft's consents."""

    def __init__(self, *tenants: Tenant, fuse: Fuse | None = None, msp: Msp = MSP) -> None:
        self.clock, self.queues, self.states = FixedClock(), FakeQueues(), FakeSyncStates()
        self.store = FakeMspStore(msp, *(tenants or (tenant(),)))
        self.gdap, self.consents = FakeGdap(self.clock), FakeConsents()
        self.work = FakePendingWork()
        for known in self.store.of_kind(Tenant, CONTOSO):
            key = self.gdap.make(CONTOSO, known.value.tenant_id).relationship_id
            self.gdap.accept(key)
        guard = (fuse or Fuse()).guard
        self.ports = GdapPorts(
            guard(self.store),
            self.gdap,
            SyncRequests(guard(self.states), self.store.schedule, guard(self.queues)),
            self.clock,
            guard(self.consents),
            guard(self.work),
            self._pause,
        )

    async def _pause(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        await asyncio.sleep(0)

    async def poll(self) -> None:
        await poll_msp(self.ports, CONTOSO)

    async def consent(self, ref: TenantRef = REF) -> None:
        await consent_customer(self.ports, ref, "message")

    async def recover(self) -> None:
        """Let pending work that is overdue be queued and done."""
        ports = WorkPorts(
            msps=self.store, pending_work=self.work, queues=self.queues, clock=self.clock
        )
        self.queues.customers.clear()
        await requeue_work(ports, timedelta(minutes=2))
        for ref in self.queues.customers:
            await self.consent(ref)

    async def step(self, step: LifecycleStep) -> None:
        await take_step(self.store, CONTOSO, CUSTOMER, step, CAUSE)

    def of(self, tenant_id: TenantId = CUSTOMER) -> AppConsent:
        known = self.store.rows[CONTOSO, "Tenant", tenant_id].value.app_consent
        assert isinstance(known, AppConsent)
        return known

    def actions(self) -> list[str]:
        return [a for a in self.store.actions(CONTOSO) if a.startswith("consent.")]


async def test_a_customer_is_consented_to_and_then_synced() -> None:
    world = World()
    await world.poll()
    assert world.queues.customers == [REF]
    await world.consent()
    assert world.consents.gave == [CUSTOMER]
    assert (world.of().version, world.of().refused) == (world.consents.version, None)
    assert world.queues.syncs == [REF]
    assert (world.actions(), world.work.rows) == (["consent.completed"], {})
    await world.poll()
    assert world.queues.customers == [REF]


async def test_a_consent_that_is_there_already_is_recorded_and_not_given_again() -> None:
    world = World()
    world.consents.given[CUSTOMER] = world.consents.version
    await world.consent()
    assert (world.consents.gave, world.of().version) == ([], world.consents.version)
    await world.consent()
    assert world.actions() == ["consent.completed"]


async def test_a_version_that_goes_up_is_consented_to_everywhere_at_partner_centers_rate() -> None:
    ids = [TenantId(f"{number:08d}-0000-4000-8000-000000000000") for number in range(100)]
    behind = AppConsent(version="1")
    world = World(*(tenant(tenant_id, app_consent=behind) for tenant_id in ids))
    world.consents.given = dict.fromkeys(ids, "1")
    await world.poll()
    await world.poll()
    assert len(world.queues.customers) == 100
    dues = sorted(work.queued_at for work in world.work.rows.values())
    assert dues[-1] - dues[0] == timedelta(seconds=99 // MOST_PER_SECOND)
    assert max(map(dues.count, dues)) == MOST_PER_SECOND
    for ref in world.queues.customers:
        await world.consent(ref)
    assert {world.of(tenant_id).version for tenant_id in ids} == {"2"}
    assert (sorted(world.consents.gave), world.work.rows) == (ids, {})


async def test_a_consent_that_entra_shows_late_is_given_once() -> None:
    world = World()
    world.consents.unproven = 7
    await world.consent()
    assert (world.of().given, world.of().version) == (world.consents.version, None)
    assert world.queues.syncs == []
    for _ in range(4):
        world.clock.advance(seconds=20)
        await world.consent()
    assert (world.of().given, world.of().version) == (None, world.consents.version)
    assert world.consents.gave == [CUSTOMER]
    assert sorted(world.actions()) == ["consent.completed", "consent.given"]


async def test_a_consent_that_entra_never_shows_is_given_again_and_then_shown() -> None:
    world = World()
    world.consents.unproven = 1000
    await world.consent()
    assert world.of().refused is None
    for _ in range(8):
        world.clock.moment += PROVEN_WITHIN
        await world.consent()
        assert (world.of().refused, world.of().version) == ("not_proven", None)
    assert set(world.consents.gave) == {CUSTOMER}
    assert sorted(world.actions()) == ["consent.given", "consent.given", "consent.refused"]
    world.consents.unproven = 0
    await world.consent()
    assert (world.of().refused, world.of().version) == (None, world.consents.version)


@pytest.mark.parametrize("at", ["refusal", "token_refusal"])
async def test_a_refusal_shows_with_its_reason_until_a_later_attempt_succeeds(at: str) -> None:
    world = World()
    setattr(world.consents, at, NOT_LISTED)
    await world.poll()
    await world.consent()
    trouble = ConnectionTrouble.of(world.store.rows[CONTOSO, "Tenant", CUSTOMER].value)
    assert trouble is not None
    shown = (trouble.code, trouble.reason, trouble.advice, trouble.consent_link)
    link = f"/tenants/{CUSTOMER}/consent-link"
    assert shown == ("consent_required", "customer_not_listed", "Add it.", link)
    assert world.queues.syncs == []
    for minutes in (5, 10, 20, 70):
        world.clock.advance(minutes=minutes)
        await world.recover()
        await world.poll()
    assert world.actions() == ["consent.refused"]
    setattr(world.consents, at, None)
    world.clock.advance(minutes=70)
    await world.recover()
    assert ConnectionTrouble.of(world.store.rows[CONTOSO, "Tenant", CUSTOMER].value) is None
    assert (world.queues.syncs, world.work.rows) == ([REF], {})


async def test_a_refusal_is_tried_again_soon_at_first_and_hourly_later() -> None:
    world = World()
    world.consents.refusal = NOT_LISTED
    waits = []
    for _ in range(8):
        await world.consent()
        due = world.work.rows[CONSENT_CUSTOMER, REF].queued_at
        waits.append((due - world.clock.now()) // timedelta(minutes=1))
        world.clock.moment = due
    assert waits == [2, 2, 4, 8, 16, 32, 60, 60]


async def test_microsoft_says_how_long_to_wait() -> None:
    world = World()
    world.consents.refusal = MicrosoftUnavailable("busy", 77)
    await world.consent()
    due = world.work.rows[CONSENT_CUSTOMER, REF].queued_at
    assert due - world.clock.now() == timedelta(seconds=78)
    assert (world.queues.customers, world.actions()) == ([REF], [])


@pytest.mark.parametrize(
    "gone",
    [
        tenant(is_own_msp_tenant=True),
        tenant(connection_lost_at=CAUSE.at),
        replace(tenant(), epoch=Epoch("another")),
    ],
)
async def test_what_is_no_customer_any_more_is_not_consented_to(gone: Tenant) -> None:
    world = World(gone)
    await world.ports.pending_work.record(_work())
    await world.consent()
    assert (world.consents.gave, world.work.rows, world.actions()) == ([], {}, [])


@pytest.mark.parametrize("step", [SUSPEND, OFFBOARD])
async def test_a_suspended_or_offboarded_customer_is_not_consented_to(step: LifecycleStep) -> None:
    world = World()
    await world.poll()
    await world.step(step)
    await world.consent()
    assert (world.consents.gave, world.work.rows) == ([], {})


async def test_a_reconnected_customer_is_consented_to_again() -> None:
    world = World(tenant(connection_lost_at=CAUSE.at, app_consent=AppConsent(version="2")))
    await world.poll()
    await world.consent()
    assert world.consents.gave == [CUSTOMER]


async def test_a_deleted_msp_consents_to_nothing() -> None:
    world = World(msp=replace(MSP, closed_at=CAUSE.at))
    await world.ports.pending_work.record(_work())
    await world.consent()
    assert (world.consents.gave, world.work.rows) == ([], {})


async def test_two_workers_at_once_record_one_consent() -> None:
    world = World()
    await asyncio.gather(world.consent(), world.consent())
    assert world.of().version == world.consents.version
    assert (world.actions(), world.work.rows) == (["consent.completed"], {})


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("unproven", [0, 7])
async def test_a_death_at_any_call_loses_nothing_and_repeats_nothing(
    after: bool, unproven: int
) -> None:
    at = 0
    while True:
        at += 1
        fuse = Fuse(at, after=after)
        world = World(fuse=fuse)
        world.consents.unproven = unproven
        try:
            await _whole(world)
        except Died:
            pass
        else:
            break
        for _ in range(8):
            world.clock.advance(minutes=3)
            await world.poll()
            await world.recover()
        assert world.of().version == world.consents.version, at
        assert world.work.rows == {}, at
        assert world.actions().count("consent.completed") == 1, at
        assert set(world.queues.syncs) == {REF}, at
        assert len(world.store.of_kind(GdapInvite, CONTOSO)) == 1
    assert at > 8


async def _whole(world: World) -> None:
    await world.poll()
    for _ in range(4):
        await world.consent()
        world.clock.advance(seconds=20)


def _work() -> PendingWork:
    return PendingWork(CONSENT_CUSTOMER, REF, CAUSE.at)


def test_the_own_tenant_shows_no_trouble() -> None:
    own = tenant(OWN, is_own_msp_tenant=True, app_consent=AppConsent(refused="x", advice="y"))
    assert ConnectionTrouble.of(own) is None
