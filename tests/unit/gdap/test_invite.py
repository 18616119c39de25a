import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, override

import pytest

from core.sync_requests import SyncRequests
from domain.errors import GdapRefused, MspSuspended
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.partner_tenant import enable
from domain.ports.gdap import Relationship
from domain.row_changes import Insert, RowChange
from domain.tenant import GdapInvite, TenantStatus
from gdap.invite import Invitation, Invited, InviteStatus, invite_customer
from gdap.poll_relationships import poll_msp
from gdap.ports import GdapPorts
from tenants.hard_delete import decide_hard_delete
from tests.fakes.outside import FakeConsents, FakeGdap, FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeSyncStates
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, NOW, ORGANIZATION, OWN, tenant


def ports_of(store: FakeMspStore, gdap: FakeGdap) -> GdapPorts:
    requests = SyncRequests(FakeSyncStates(), store.schedule, FakeQueues())
    return GdapPorts(
        *(store, gdap, requests, FixedClock(), FakeConsents(), FakePendingWork()),
        lambda _: asyncio.sleep(0),
    )


async def invite(store: FakeMspStore, gdap: FakeGdap, tenant_id: str = CUSTOMER) -> Invited:
    invitation = Invitation(tenant_id, "Northwind Traders", 730)  # type: ignore[arg-type]  # a sample's
    return await invite_customer(ports_of(store, gdap), MSP, invitation, CAUSE)


async def poll(store: FakeMspStore, gdap: FakeGdap) -> None:
    await poll_msp(ports_of(store, gdap), CONTOSO)


async def test_a_customer_is_invited_once_even_by_ten_clicks() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    invited = await asyncio.gather(*(invite(store, gdap) for _ in range(10)))
    assert len(gdap.made) == 1
    assert sorted(result.status for result in invited) == ["created"] + ["pending"] * 9
    assert len({result.invite.relationship_id for result in invited if result.invite}) == 1
    assert store.actions(CONTOSO) == ["gdap.invited"]


async def test_the_own_tenant_is_skipped_without_a_row() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    decision = enable(await store.tenant_records(CONTOSO, OWN), ORGANIZATION, CAUSE, convert=True)
    await store.commit(decision.operations)
    assert (await invite(store, gdap, OWN)).status is InviteStatus.SKIPPED
    assert (gdap.made, store.of_kind(GdapInvite, CONTOSO)) == ([], [])


async def test_the_home_tenant_is_skipped_before_its_consent() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    assert (await invite(store, gdap, MSP.app.tenant_id)).status is InviteStatus.SKIPPED
    assert (gdap.made, store.of_kind(GdapInvite, CONTOSO)) == ([], [])


async def test_a_tenant_that_becomes_the_own_one_while_it_is_invited_keeps_no_invite() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    ask = gdap.invite

    async def enabled_meanwhile(*arguments: Any, **named: Any) -> Relationship:
        organization = replace(ORGANIZATION, tenant_id=CUSTOMER)
        records = await store.tenant_records(CONTOSO, CUSTOMER)
        await store.commit(enable(records, organization, CAUSE, convert=True).operations)
        return await ask(*arguments, **named)

    gdap.invite = enabled_meanwhile  # type: ignore[method-assign]  # acts in between
    assert (await invite(store, gdap)).status is InviteStatus.SKIPPED
    assert store.of_kind(GdapInvite, CONTOSO) == []


@pytest.mark.parametrize(
    ("status", "made"),
    [(TenantStatus.ACTIVE, 0), (TenantStatus.SUSPENDED, 0), (TenantStatus.OFFBOARDED, 1)],
)
async def test_only_an_offboarded_customer_is_invited_anew(status: TenantStatus, made: int) -> None:
    store, gdap = FakeMspStore(MSP, tenant(status=status)), FakeGdap(FixedClock())
    await invite(store, gdap)
    assert len(gdap.made) == made


async def test_an_invite_that_expired_gives_way_to_a_new_one() -> None:
    old = GdapInvite(CONTOSO, CUSTOMER, "X", "r-0", "pending", "u", NOW - timedelta(1), NOW)
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    await store.commit([Insert(old)])
    assert (await invite(store, gdap)).status is InviteStatus.CREATED


async def test_a_refusal_of_microsofts_leaves_nothing_behind() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    gdap.failure = GdapRefused("no")
    with pytest.raises(GdapRefused):
        await invite(store, gdap)
    assert store.of_kind(GdapInvite, CONTOSO) == []
    gdap.failure = None
    assert (await invite(store, gdap)).status is InviteStatus.CREATED


class OvertakenGdap(FakeGdap):
    """GDAP at Microsoft, with an action while a relationship is being created."""

    def __init__(self, meanwhile: Callable[[FakeGdap], Awaitable[None]]) -> None:
        super().__init__(FixedClock())
        self._meanwhile = meanwhile

    @override
    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        await self._meanwhile(self)
        return await super().invite(msp, tenant_id, display_name, duration_days)


async def test_an_invite_gives_way_to_what_partner_center_brought_meanwhile() -> None:
    store = FakeMspStore(MSP)
    gdap = OvertakenGdap(lambda gdap: poll(store, gdap))
    accepted = gdap.make(CONTOSO, CUSTOMER)
    gdap.accept(accepted.relationship_id)
    invited = await invite(store, gdap)
    (kept,) = store.of_kind(GdapInvite, CONTOSO)
    assert invited == Invited(InviteStatus.ACTIVE, kept.value)
    assert (kept.value.status, kept.value.relationship_id) == ("active", accepted.relationship_id)


async def test_an_acceptance_met_just_after_the_claim_is_not_overwritten() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    accepted = gdap.make(CONTOSO, CUSTOMER)
    commit = store.commit

    async def then_the_poll(operations: Sequence[RowChange]) -> None:
        await commit(operations)
        store.commit = commit  # type: ignore[method-assign]  # once
        gdap.accept(accepted.relationship_id)
        await poll(store, gdap)

    store.commit = then_the_poll  # type: ignore[method-assign]  # the poll runs right after
    invited = await invite(store, gdap)
    assert invited.status is InviteStatus.ACTIVE
    (kept,) = store.of_kind(GdapInvite, CONTOSO)
    assert (kept.value.status, kept.value.relationship_id) == ("active", accepted.relationship_id)


async def test_a_refusal_leaves_alone_what_took_the_claims_place() -> None:
    store = FakeMspStore(MSP)
    gdap = OvertakenGdap(lambda gdap: poll(store, gdap))
    gdap.accept(gdap.make(CONTOSO, CUSTOMER).relationship_id)
    gdap.failure = GdapRefused("no")
    with pytest.raises(GdapRefused):
        await invite(store, gdap)
    (kept,) = store.of_kind(GdapInvite, CONTOSO)
    assert kept.value.status == "active"


async def test_an_invite_that_a_hard_delete_overtakes_stands_all_the_same() -> None:
    store = FakeMspStore(MSP, tenant(status=TenantStatus.OFFBOARDED))

    async def hard_delete(_: FakeGdap) -> None:
        decision = decide_hard_delete(await store.tenant_records(CONTOSO, CUSTOMER), CAUSE)
        await store.commit(decision.operations)

    gdap = OvertakenGdap(hard_delete)
    invited = await invite(store, gdap)
    assert (invited.status, len(gdap.made)) == (InviteStatus.CREATED, 1)
    assert [known.value for known in store.of_kind(GdapInvite, CONTOSO)] == [invited.invite]


async def test_a_deleted_msp_invites_nobody() -> None:
    store, gdap = FakeMspStore(replace(MSP, closed_at=NOW)), FakeGdap(FixedClock())
    with pytest.raises(MspSuspended):
        await invite(store, gdap)
    assert (gdap.made, store.of_kind(GdapInvite, CONTOSO)) == ([], [])
