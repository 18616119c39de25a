"""Each change of a GDAP relationship is processed once, in any order of events."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.remove_tenant import RemovalPorts
from core.sync_requests import SyncRequests
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.errors import GdapRefused
from domain.gdap import UnreadableRelationship
from domain.identifiers import MspRef, TenantId
from domain.lifecycle import OFFBOARD, REACTIVATE, SUSPEND, LifecycleStep
from domain.msp import Msp, SecurityGroup
from domain.partner_tenant import enable
from domain.row_changes import Insert, RowChange
from domain.tenant import AppConsent, GdapInvite, PartnerTenantClaim, Tenant, TenantStatus
from domain.usage import TenantUsage
from domain.work_queues import POLL_MSP_GDAP
from gdap.invite import Invitation, InviteStatus, invite_customer
from gdap.poll_relationships import poll_relationships, try_poll
from gdap.ports import GdapPorts
from mytenant.disable import disable_partner_tenant
from tenants.edit import take_step
from tenants.hard_delete import hard_delete
from tests.fakes.outside import FakeConsents, FakeGdap, FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeSyncStates
from tests.samples import CONTOSO, CUSTOMER, FABRIKAM, MSP, ORGANIZATION, OTHER, OWN, tenant

GROUP = SecurityGroup(OTHER, ("Global Reader", "Security Reader"))
WITH_GROUP = replace(MSP, app=replace(MSP.app, security_groups=(GROUP,)))


async def poll_each(ports: GdapPorts) -> None:
    """Poll every MSP, as the messages of one run of the timer do."""
    for msp_id in [msp_id async for msp_id in ports.msps.msp_ids()]:
        await try_poll(ports, msp_id)


class World:
    """Contoso, the relationships at Microsoft, and the poll."""

    def __init__(self, *rows: Tenant, msp: Msp = WITH_GROUP) -> None:
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.msp, self.store = msp, FakeMspStore(msp, *rows)
        self.gdap, self.states = FakeGdap(self.clock), FakeSyncStates()
        requests = SyncRequests(self.states, self.store.schedule, self.queues)
        self.consents, self.work = FakeConsents(), FakePendingWork()
        self.ports = GdapPorts(
            *(self.store, self.gdap, requests, self.clock, self.consents, self.work),
            lambda _: asyncio.sleep(0),
        )

    @property
    def cause(self) -> Cause:
        return Cause(SYSTEM, self.clock.now(), "r")

    async def poll(self) -> None:
        """Poll twice; the second poll finds nothing to do."""
        self.clock.advance(minutes=10)
        await poll_each(self.ports)
        written = len(self.store.commits)
        await poll_each(self.ports)
        assert len(self.store.commits) == written

    async def invite(self, tenant_id: TenantId = CUSTOMER) -> str:
        invitation = Invitation(tenant_id, "Northwind Traders", 730)
        invited = await invite_customer(self.ports, self.msp, invitation, self.cause)
        assert invited.invite is not None
        return invited.invite.relationship_id

    async def accepted(self, tenant_id: TenantId = CUSTOMER) -> str:
        key = await self.invite(tenant_id)
        self.gdap.accept(key)
        await self.poll()
        return key

    async def step(self, step: LifecycleStep) -> None:
        await take_step(self.store, CONTOSO, CUSTOMER, step, self.cause)

    async def hard_delete(self) -> None:
        await hard_delete(
            RemovalPorts(msps=self.store, pending_work=FakePendingWork(), queues=self.queues),
            CONTOSO,
            CUSTOMER,
            self.cause,
        )

    async def enable(self) -> None:
        await decide_and_commit(
            lambda: self.store.tenant_records(CONTOSO, OWN),
            lambda records: enable(records, ORGANIZATION, self.cause, convert=True),
            self.store.commit,
        )

    def tenant(self, tenant_id: TenantId = CUSTOMER) -> Tenant | None:
        known = self.store.rows.get((CONTOSO, "Tenant", tenant_id))
        return known.value if known else None

    def there(self, tenant_id: TenantId = CUSTOMER) -> Tenant:
        known = self.tenant(tenant_id)
        assert known is not None
        return known

    def open_periods(self) -> int:
        usage = self.store.rows.get((CONTOSO, "TenantUsage", CUSTOMER))
        return sum(period.until is None for period in usage.value.periods) if usage else 0

    def invites(self) -> list[GdapInvite]:
        return [known.value for known in self.store.of_kind(GdapInvite, CONTOSO)]


async def test_an_accepted_invite_is_a_customer_with_usage_access_and_a_consent_to_come() -> None:
    world = World()
    key = await world.accepted()
    customer = world.there()
    assert (customer.status, customer.display_name) == (TenantStatus.ACTIVE, "Northwind Traders")
    assert world.open_periods() == 1
    assert (world.queues.customers, world.queues.syncs) == ([customer.ref], [])
    (invite,) = world.invites()
    assert (invite.status, invite.relationship_id) == ("active", key)
    assert invite.assigned == world.msp.app.access
    assert world.gdap.assigned == {key: world.msp.app.access}
    assert sorted(world.store.actions(CONTOSO)) == [
        "gdap.accepted",
        "gdap.assigned",
        "gdap.invited",
    ]


async def test_nothing_happens_until_the_customer_accepts() -> None:
    world = World()
    await world.invite()
    await world.poll()
    assert (world.tenant(), world.queues.syncs) == (None, [])


@pytest.mark.parametrize("status", ["terminated", "expired"])
async def test_an_ended_relationship_is_a_lost_connection_that_is_shown_and_not_billed(
    status: str,
) -> None:
    world = World()
    world.gdap.end(await world.accepted(), status)
    await world.poll()
    lost = world.there()
    assert (lost.status, lost.connection_lost_reason) == (TenantStatus.ACTIVE, status)
    assert not lost.is_synced
    assert world.open_periods() == 0
    assert world.invites() == []


async def test_a_lost_customer_can_be_invited_anew_and_keeps_its_life() -> None:
    world = World()
    world.gdap.end(await world.accepted())
    await world.poll()
    epoch = world.there().epoch
    await world.accepted()
    again = world.there()
    assert (again.epoch, again.connection_lost_at) == (epoch, None)
    assert world.open_periods() == 1
    assert world.store.actions(CONTOSO).count("gdap.reconnected") == 1


async def test_another_relationship_keeps_the_connection() -> None:
    world = World()
    first = await world.accepted()
    second = world.gdap.make(CONTOSO, CUSTOMER)
    world.gdap.accept(second.relationship_id)
    world.gdap.end(first)
    await world.poll()
    assert world.there().connection_lost_at is None
    assert [invite.relationship_id for invite in world.invites()] == [second.relationship_id]


async def test_an_offboarded_customer_comes_back_when_it_accepts_and_not_before() -> None:
    world = World()
    await world.accepted()
    world.clock.advance(minutes=1)
    await world.step(OFFBOARD)
    await world.poll()
    assert world.there().status is TenantStatus.OFFBOARDED
    key = await world.invite()
    await world.poll()
    assert world.there().status is TenantStatus.OFFBOARDED
    world.gdap.accept(key)
    await world.poll()
    assert world.there().status is TenantStatus.ACTIVE
    assert world.open_periods() == 1
    assert world.store.actions(CONTOSO).count("gdap.reactivated") == 1


async def test_one_made_in_partner_center_brings_an_offboarded_customer_back() -> None:
    world = World()
    await world.accepted()
    world.clock.advance(minutes=1)
    await world.step(OFFBOARD)
    world.clock.advance(minutes=1)
    world.gdap.accept(world.gdap.make(CONTOSO, CUSTOMER).relationship_id)
    await world.poll()
    assert world.there().status is TenantStatus.ACTIVE


async def test_what_the_msp_suspended_stays_so_when_a_relationship_is_renewed() -> None:
    world = World()
    await world.accepted()
    await world.step(SUSPEND)
    world.gdap.accept(world.gdap.make(CONTOSO, CUSTOMER).relationship_id)
    await world.poll()
    assert world.there().status is TenantStatus.SUSPENDED
    assert world.open_periods() == 0


async def test_a_reactivated_customer_without_a_relationship_is_lost_and_not_billed() -> None:
    world = World()
    key = await world.accepted()
    await world.step(OFFBOARD)
    world.gdap.end(key)
    await world.poll()
    await world.step(REACTIVATE)
    await world.poll()
    assert world.there().connection_lost_at is not None
    assert world.open_periods() == 0


async def test_one_that_we_never_saw_is_met_all_the_same() -> None:
    world = World()
    made = world.gdap.make(CONTOSO, CUSTOMER, "Made in Partner Center")
    await world.poll()
    assert await world.invite() == made.relationship_id  # no second invite
    world.gdap.accept(made.relationship_id)
    await world.poll()
    assert world.there().display_name == "Made in Partner Center"


async def test_a_customer_from_before_has_its_relationship_noted() -> None:
    consented = AppConsent(version=FakeConsents().version)
    world = World(tenant(app_consent=consented), tenant(OTHER))
    for customer in (CUSTOMER, OTHER):
        world.gdap.accept(world.gdap.make(CONTOSO, customer).relationship_id)
    await world.poll()
    assert [invite.status for invite in world.invites()] == ["active", "active"]
    # Both get their access only now, and one of them has not consented yet.
    assert world.queues.syncs == [tenant().ref]
    assert world.queues.customers == [tenant(OTHER).ref]


async def test_a_hard_delete_is_final_for_what_was_agreed_before() -> None:
    world = World()
    await world.accepted()
    pending = world.gdap.make(CONTOSO, CUSTOMER)
    world.clock.advance(minutes=1)
    await world.hard_delete()
    await world.poll()
    world.gdap.accept(pending.relationship_id)
    await world.poll()
    assert world.tenant() is None
    assert world.invites() == []
    await world.accepted()
    assert world.there().status is TenantStatus.ACTIVE
    assert world.open_periods() == 1


async def test_one_made_in_partner_center_after_a_hard_delete_is_a_new_decision() -> None:
    world = World()
    await world.accepted()
    await world.hard_delete()
    world.clock.advance(minutes=1)
    world.gdap.accept(world.gdap.make(CONTOSO, CUSTOMER).relationship_id)
    await world.poll()
    assert world.there().status is TenantStatus.ACTIVE


async def test_a_decision_from_before_a_hard_delete_is_not_committed_after_it() -> None:
    """A worker that stalls between its read and its write must not bring the tenant back."""
    world = World()
    late: list[Sequence[RowChange]] = []
    world.gdap.accept(await world.invite())
    commit = world.store.commit

    async def stalls(operations: Sequence[RowChange]) -> None:
        late.append(operations)
        raise RuntimeError("stalled")

    world.store.commit = stalls  # type: ignore[method-assign]  # the stalled worker
    await poll_each(world.ports)
    world.store.commit = commit  # type: ignore[method-assign]  # all other workers
    await world.poll()
    await world.hard_delete()
    with pytest.raises(Exception, match="it "):
        await commit(late[0])
    assert world.tenant() is None


@pytest.mark.parametrize("accepted_first", [False, True])
async def test_the_own_tenant_is_skipped_whether_accepted_before_or_after_its_consent(
    *, accepted_first: bool
) -> None:
    world = World()
    key = world.gdap.make(CONTOSO, OWN).relationship_id
    if accepted_first:
        world.gdap.accept(key)
        await world.poll()
        assert world.tenant(OWN) is None
    await world.enable()
    world.gdap.accept(key)
    await world.poll()
    own = world.there(OWN)
    assert own.is_own_msp_tenant
    assert world.invites() == []
    assert len(world.store.of_kind(PartnerTenantClaim, CONTOSO)) == 1
    world.gdap.end(key)
    await world.poll()
    assert world.there(OWN).connection_lost_at is None
    assert await world.store.all(TenantUsage, CONTOSO) == []


async def test_a_disabled_partner_tenant_does_not_come_back_as_a_customer() -> None:
    world = World(tenant(OWN))
    world.gdap.accept(world.gdap.make(CONTOSO, OWN).relationship_id)
    await world.poll()
    await world.enable()
    await world.poll()
    await disable_partner_tenant(
        RemovalPorts(msps=world.store, pending_work=FakePendingWork(), queues=world.queues),
        CONTOSO,
        world.cause,
    )
    await world.poll()
    assert world.tenant(OWN) is None


async def test_ten_polls_at_once_meet_an_acceptance_once() -> None:
    world = World()
    world.gdap.accept(await world.invite())
    await asyncio.gather(*(poll_each(world.ports) for _ in range(10)))
    assert world.store.actions(CONTOSO).count("gdap.accepted") == 1
    assert set(world.queues.customers) == {world.there().ref}


async def test_two_msps_and_one_customer_know_nothing_of_each_other() -> None:
    world = World()
    other = replace(WITH_GROUP, msp_id=FABRIKAM)
    await world.store.commit([Insert(other)])
    await world.accepted()
    theirs = world.gdap.make(FABRIKAM, CUSTOMER)
    world.gdap.accept(theirs.relationship_id)
    await world.poll()
    ours, fabrikams = world.there(), world.store.rows[FABRIKAM, "Tenant", CUSTOMER].value
    assert ours.epoch != fabrikams.epoch
    world.gdap.end(theirs.relationship_id)
    await world.poll()
    assert world.there() == ours
    assert world.store.rows[FABRIKAM, "Tenant", CUSTOMER].value.connection_lost_at is not None


async def test_one_msps_trouble_does_not_hold_up_anothers() -> None:
    world = World()
    await world.store.commit([Insert(replace(WITH_GROUP, msp_id=FABRIKAM))])
    world.gdap.accept(world.gdap.make(FABRIKAM, CUSTOMER).relationship_id)
    world.gdap.failing_msps = {CONTOSO}
    await world.poll()
    assert (FABRIKAM, "Tenant", CUSTOMER) in world.store.rows


async def test_what_cannot_be_read_has_not_ended() -> None:
    world = World()
    key = await world.accepted()
    world.gdap.failing_msps = {CONTOSO}
    await world.poll()
    world.gdap.failing_msps = set()
    del world.gdap.known[key]  # Microsoft deletes old ones; this does not mean that it ended
    await world.poll()
    assert world.there().is_synced


async def test_the_consent_waits_for_access_that_microsoft_is_slow_to_give() -> None:
    world = World()
    world.gdap.access_takes_its_time = True
    world.gdap.accept(await world.invite())
    await poll_each(world.ports)
    ref = world.there().ref
    assert world.queues.customers == []
    assert world.invites()[0].assigned == ""
    await poll_each(world.ports)
    assert (world.queues.customers, world.queues.syncs) == ([ref], [])
    assert world.invites()[0].assigned == world.msp.app.access


async def test_a_refused_assignment_is_tried_again_and_the_customer_is_there() -> None:
    world = World()
    world.gdap.accept(await world.invite())
    world.gdap.failure = GdapRefused("no")
    await poll_each(world.ports)
    assert world.invites()[0].assigned == ""
    world.gdap.failure = None
    await world.poll()
    assert world.invites()[0].assigned == world.msp.app.access


async def test_an_invite_that_the_customer_turned_down_goes_and_can_be_made_anew() -> None:
    world = World()
    world.gdap.end(await world.invite(), "expired")
    await world.poll()
    assert world.invites() == []
    await world.accepted()
    assert world.there().is_synced


async def test_an_invite_whose_maker_died_is_found_by_its_relationship() -> None:
    world = World()
    claim = GdapInvite(
        CONTOSO, CUSTOMER, "X", "", "creating", "", world.clock.now(), world.clock.now()
    )
    await world.store.commit([Insert(claim)])
    made = world.gdap.make(CONTOSO, CUSTOMER)
    await world.poll()
    assert [invite.relationship_id for invite in world.invites()] == [made.relationship_id]
    invited = await world.invite()
    assert invited == made.relationship_id


async def test_an_active_customer_gets_no_second_invite_and_a_closed_msp_none_at_all() -> None:
    world = World()
    await world.accepted()
    invitation = Invitation(CUSTOMER, "X", 30)
    again = await invite_customer(world.ports, world.msp, invitation, world.cause)
    assert again.status is InviteStatus.ACTIVE
    closed = World(msp=replace(WITH_GROUP, closed_at=world.clock.now()))
    closed.gdap.accept(closed.gdap.make(CONTOSO, CUSTOMER).relationship_id)
    await closed.poll()
    assert closed.tenant() is None


async def test_an_old_relationship_that_runs_longer_hides_no_new_one() -> None:
    world = World()
    await world.accepted()
    world.clock.advance(minutes=1)
    await world.hard_delete()
    world.clock.advance(minutes=1)
    new = world.gdap.make(CONTOSO, CUSTOMER)
    world.gdap.accept(new.relationship_id)
    for key, (msp_id, found) in list(world.gdap.known.items()):
        if found is not world.gdap.known[new.relationship_id][1]:
            longer = replace(found, ends_at=found.ends_at + timedelta(days=900))
            world.gdap.known[key] = (msp_id, longer)
    await poll_each(world.ports)
    assert world.there().is_synced
    await world.poll()
    assert world.there().is_synced


@pytest.mark.parametrize("step", ["hard_delete", "offboard"])
async def test_an_invite_that_came_to_nothing_goes_though_an_old_relationship_still_runs(
    step: str,
) -> None:
    world = World()
    await world.accepted()
    world.clock.advance(minutes=1)
    await (world.hard_delete() if step == "hard_delete" else world.step(OFFBOARD))
    declined = await world.invite()
    world.gdap.end(declined)
    await world.poll()
    assert declined not in {invite.relationship_id for invite in world.invites()}
    assert await world.invite() != declined


async def test_one_made_in_partner_center_is_noted_though_an_old_relationship_still_runs() -> None:
    world = World()
    await world.accepted()
    await world.hard_delete()
    world.clock.advance(minutes=1)
    made = world.gdap.make(CONTOSO, CUSTOMER)
    await world.poll()
    assert await world.invite() == made.relationship_id  # no second invite


async def test_an_acceptance_from_before_an_offboarding_does_not_undo_it() -> None:
    world = World()
    world.gdap.end(await world.accepted())
    await world.poll()
    world.gdap.accept(await world.invite())
    world.clock.advance(minutes=1)
    await world.step(OFFBOARD)
    await world.poll()
    assert world.there().status is TenantStatus.OFFBOARDED
    assert world.open_periods() == 0


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_invite_that_is_noted_during_a_hard_delete_is_not_left_behind(
    *, accepted: bool
) -> None:
    """A pending invite that was left would let an earlier relationship bring the tenant back."""
    world = World(tenant(status=TenantStatus.ACTIVE if accepted else TenantStatus.OFFBOARDED))
    made = world.gdap.make(CONTOSO, CUSTOMER)
    if accepted:
        world.gdap.accept(made.relationship_id)
    commit = world.store.commit

    async def is_overtaken(operations: Sequence[RowChange]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]  # once
        world.clock.advance(minutes=1)
        await world.hard_delete()
        await commit(operations)

    world.store.commit = is_overtaken  # type: ignore[method-assign]  # between read and write
    await poll_each(world.ports)
    assert world.invites() == []
    if not accepted:
        world.gdap.accept(made.relationship_id)
    await world.poll()
    assert world.tenant() is None


@pytest.mark.parametrize("what_is_read", ["the customer", "the ID", "nothing"])
async def test_a_customer_whose_live_relationship_may_be_unreadable_is_not_lost(
    what_is_read: str,
) -> None:
    world = World()
    key = await world.accepted()
    world.gdap.end(key)
    whose = CUSTOMER if what_is_read == "the customer" else None
    read = key if what_is_read == "the ID" else None
    world.gdap.unreadable = (UnreadableRelationship(whose, read),)
    await world.poll()
    assert world.there().connection_lost_at is None
    assert len(world.invites()) == 1
    other = world.gdap.make(CONTOSO, OTHER).relationship_id
    world.gdap.accept(other)
    await world.poll()
    assert world.there(OTHER).status is TenantStatus.ACTIVE  # the others continue
    world.gdap.unreadable = ()
    await world.poll()
    assert world.there().connection_lost_at is not None


@pytest.mark.parametrize("whose", [OTHER, None])
async def test_an_unreadable_relationship_of_others_hides_no_ending(
    whose: TenantId | None,
) -> None:
    world = World()
    world.gdap.end(await world.accepted())
    world.gdap.unreadable = (UnreadableRelationship(whose, "another"),)
    await world.poll()
    assert world.there().connection_lost_at is not None


@pytest.mark.parametrize(
    ("microsofts", "is_invited", "name"),
    [
        ("Northwind Ltd", True, "Northwind Ltd"),
        (None, True, "Northwind Traders"),
        (None, False, "Contoso northwind"),
    ],
)
async def test_a_customer_is_named_by_microsoft_by_our_invite_or_by_the_relationship(
    microsofts: str | None, is_invited: bool, name: str
) -> None:
    world = World()
    key = await world.invite() if is_invited else "p-1"
    world.gdap.make(CONTOSO, CUSTOMER, microsofts, key)
    world.gdap._move(key, title="Contoso northwind")
    world.gdap.accept(key)
    await world.poll()
    assert world.there().display_name == name
    (usage,) = await world.store.all(TenantUsage, CONTOSO)
    assert usage.tenant_name == name


async def test_the_timer_queues_one_message_for_each_msp_and_reads_nothing_at_microsoft() -> None:
    world = World()
    await world.store.commit([Insert(replace(WITH_GROUP, msp_id=FABRIKAM))])
    world.gdap.failing_msps = {CONTOSO, FABRIKAM}
    await poll_relationships(world.ports)
    queued = {(POLL_MSP_GDAP.name, MspRef(msp_id)) for msp_id in (CONTOSO, FABRIKAM)}
    assert set(world.queues.others) == queued
    assert len(world.queues.others) == 2


async def test_a_fault_of_our_own_fails_the_message_so_that_it_is_tried_again() -> None:
    world = World()

    async def fails(*_: Any) -> Any:
        raise KeyError("a fault")

    world.gdap.relationships = fails  # type: ignore[method-assign, assignment]  # for this test
    with pytest.raises(KeyError):
        await try_poll(world.ports, CONTOSO)
