import asyncio
from datetime import timedelta

import pytest

from domain.changes import Insert
from domain.errors import GdapRefused
from domain.partner_tenant import enable
from domain.tenant import GdapInvite, TenantStatus
from gdap.invite import Invitation, Invited, InviteStatus, invite_customer
from tests.fakes.outside import FakeGdap, FixedClock
from tests.fakes.storage import FakeMspStore
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, NOW, ORGANIZATION, OWN, tenant


async def invite(store: FakeMspStore, gdap: FakeGdap, tenant_id: str = CUSTOMER) -> Invited:
    invitation = Invitation(tenant_id, "Northwind Traders", 730)  # type: ignore[arg-type]  # a sample's
    return await invite_customer(store, gdap, MSP, invitation, CAUSE, lambda _: asyncio.sleep(0))


async def test_a_customer_is_invited_once_even_by_ten_clicks() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    invited = await asyncio.gather(*(invite(store, gdap) for _ in range(10)))
    assert len(gdap.made) == 1
    assert sorted(result.status for result in invited) == ["created"] + ["pending"] * 9
    assert len({result.invite.relationship_id for result in invited if result.invite}) == 1
    assert store.actions(CONTOSO) == ["gdap.invited"]


async def test_the_own_tenant_is_skipped_without_a_row() -> None:
    store, gdap = FakeMspStore(MSP), FakeGdap(FixedClock())
    decision = enable(await store.snapshot(CONTOSO, OWN), ORGANIZATION, CAUSE, convert=True)
    await store.commit(decision.operations)
    assert (await invite(store, gdap, OWN)).status is InviteStatus.SKIPPED
    assert (gdap.made, store.of_kind(GdapInvite, CONTOSO)) == ([], [])


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
