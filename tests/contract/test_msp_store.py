import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from adapters.tables.storage import Storage
from domain.audit import ALL, AuditFilter
from domain.consent_session import ConsentOutcome, ConsentRecord, ConsentState, hash_state
from domain.errors import ConcurrentChange, MalformedInput
from domain.identifiers import MspId, ObjectId, TenantId, new_epoch
from domain.invoice import Payment
from domain.month import Month
from domain.msp import Msp, SecurityGroup
from domain.roles import Role, StaffMember
from domain.row_changes import Insert, Remove, Replace, Row, RowChange
from domain.tenant import AppConsent, GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import ActivePeriod, TenantUsage
from ops.deletion import read_payments
from tests.contract.conftest import Ports
from tests.samples import CAUSE, MSP, NOW, OTHER, OWN, OWNER, tenant, version


@pytest.fixture
async def msp(ports: Ports) -> Msp:
    """A new MSP."""
    new = replace(MSP, msp_id=MspId(str(uuid4())), suspended_at=NOW, abn=None)
    await ports.msps.commit([Insert(new)])
    return new


def of(msp: Msp, tenant_id: TenantId = OWN) -> Tenant:
    return tenant(tenant_id, msp_id=msp.msp_id, epoch=new_epoch(), notes="Ünïcode ✓ # / \\ ?")


async def test_every_kind_of_row_comes_back_as_it_went(ports: Ports, msp: Msp) -> None:
    key = msp.msp_id
    known = version((await ports.msps.tenant_records(key, OWN)).head.msp)
    groups = (SecurityGroup(OTHER, ("Global Reader", "License Administrator")),)
    app = replace(msp.app, security_groups=groups, optional_roles=("A", "B"), capabilities=("c",))
    msp = replace(msp, consented_manifest=1, closed_at=NOW, app=app)
    await ports.msps.commit([Replace(msp, known.version)])
    record = ConsentRecord(
        key, hash_state("x"), ConsentState.COMPLETED, ConsentOutcome.ENABLED, NOW, OWN
    )
    usage = TenantUsage(
        key, OWN, "Contoso", (ActivePeriod(NOW, NOW + timedelta(1, 5, 7)), ActivePeriod(NOW))
    )
    invite = GdapInvite(key, OWN, "Contoso", "r-1", "pending", "https://x", NOW, NOW, "a=b")
    removal = TenantRemoval(key, OWN, NOW)
    consent = AppConsent("1", "2", NOW, "not_permitted", "Ask ✓", hash_state("y"))
    known_tenant = replace(
        of(msp),
        offboarded_at=NOW,
        connection_lost_at=NOW,
        connection_lost_reason="expired",
        app_consent=consent,
    )
    member = StaffMember(key, OWN, ObjectId(OTHER), Role.L2, "Đorđe")
    event = CAUSE.event(key, "x.y", tenant_id=OWN, outcome="o", before={"a": [1]}, after={})
    rows = (
        known_tenant,
        PartnerTenantClaim(key, OWN),
        record,
        usage,
        invite,
        member,
        event,
        removal,
    )
    await ports.msps.commit([Insert(row) for row in rows])
    records = await ports.msps.tenant_records(key, OWN)
    assert records.head.msp.value == msp
    assert version(records.head.slot).value == rows[1]
    assert version(records.head.consent).value == record
    assert version(records.tenant).value == rows[0]
    assert version(records.usage).value == usage
    assert version(records.invite).value == invite
    assert version(records.removal).value == removal
    assert list(await ports.msps.all(TenantRemoval, key)) == [removal]
    assert version(await ports.msps.find(StaffMember, key, OWN, ObjectId(OTHER))).value == member
    assert (await ports.msps.audit_events(key, 10)).items == (event,)
    assert list(await ports.msps.all(TenantUsage, key)) == [usage]
    (known_invite,) = (await ports.msps.page(GdapInvite, key, 10)).items
    assert known_invite.value == invite
    (known_member,) = (await ports.msps.page(StaffMember, key, 10)).items
    assert known_member.value == member
    assert key in [found async for found in ports.msps.msp_ids()]


async def test_what_is_not_there_is_none(ports: Ports, msp: Msp) -> None:
    nobody = MspId(str(uuid4()))
    assert await ports.msps.head(nobody) is None
    assert await ports.msps.find(Tenant, nobody, OWN) is None
    with pytest.raises(LookupError):
        await ports.msps.tenant_records(nobody, OWN)
    records = await ports.msps.tenant_records(msp.msp_id, OWN)
    assert (records.tenant, records.usage, records.invite) == (None, None, None)
    assert (records.head.slot, records.head.consent) == (None, None)


async def test_a_transaction_happens_whole_or_not_at_all(ports: Ports, msp: Msp) -> None:
    await ports.msps.commit([Insert(PartnerTenantClaim(msp.msp_id, OTHER))])
    with pytest.raises(ConcurrentChange):
        await ports.msps.commit([Insert(of(msp)), Insert(PartnerTenantClaim(msp.msp_id, OWN))])
    assert await ports.msps.find(Tenant, msp.msp_id, OWN) is None


async def test_a_stale_version_neither_replaces_nor_removes(ports: Ports, msp: Msp) -> None:
    await ports.msps.commit([Insert(of(msp))])
    first = version(await ports.msps.find(Tenant, msp.msp_id, OWN))
    changed = replace(first.value, notes=None)
    await ports.msps.commit([Replace(changed, first.version)])
    for operation in (Replace(first.value, first.version), Remove(first.value, first.version)):
        with pytest.raises(ConcurrentChange):
            await ports.msps.commit([operation])
    second = version(await ports.msps.find(Tenant, msp.msp_id, OWN))
    assert second.value == changed
    await ports.msps.commit([Remove(second.value, second.version)])
    with pytest.raises(ConcurrentChange):
        await ports.msps.commit([Remove(second.value, second.version)])
    with pytest.raises(ConcurrentChange):
        await ports.msps.commit([Replace(second.value, second.version)])


async def test_of_thirty_slots_at_once_one_is_taken(ports: Ports, msp: Msp) -> None:
    async def take(number: int) -> bool:
        other = TenantId(f"{number:08d}-0000-4000-8000-000000000000")
        operations: tuple[RowChange, ...] = (
            Insert(of(msp, other)),
            Insert(PartnerTenantClaim(msp.msp_id, other)),
        )
        try:
            await ports.msps.commit(operations)
        except ConcurrentChange:
            return False
        return True

    assert sum(await asyncio.gather(*map(take, range(30)))) == 1
    assert len((await ports.msps.page(Tenant, msp.msp_id, 100)).items) == 1


async def test_pages_are_full_until_the_last_and_miss_nothing(ports: Ports, msp: Msp) -> None:
    ids = [TenantId(f"{n:08d}-0000-4000-8000-000000000000") for n in range(125)]
    for start in range(0, 125, 100):
        batch = ids[start : start + 100]
        await ports.msps.commit([Insert(of(msp, tenant_id)) for tenant_id in batch])
    seen: list[str] = []
    sizes = []
    token = None
    while True:
        page = await ports.msps.page(Tenant, msp.msp_id, 50, token)
        seen += [known.value.tenant_id for known in page.items]
        sizes.append(len(page.items))
        token = page.next_token
        if token is None:
            break
    assert seen == ids
    assert sizes == [50, 50, 25]


async def test_no_position_leads_out_of_a_list(storage: Storage) -> None:
    """Rows of every kind are in the same partition as the tenants' rows."""
    msp = replace(MSP, msp_id=MspId(str(uuid4())))
    owner = StaffMember(msp.msp_id, OWN, OWNER.oid, Role.OWNER, "Adele")
    slot, own = PartnerTenantClaim(msp.msp_id, OWN), tenant(OWN, msp_id=msp.msp_id)
    event = CAUSE.event(msp.msp_id, "tenant.enabled")
    await storage.msps.commit([Insert(row) for row in (msp, owner, slot, own, event)])
    for position in ("", "a", "audit:", "msp", "staff:", "tenant", "tenant:", "usage", "~", "é"):
        page = await storage.msps.page(Tenant, msp.msp_id, 5, position)
        assert {known.value.tenant_id for known in page.items} <= {OWN}, position
    for position in ("a/b", "\u0000", "x" * 600, "\ud800"):
        with pytest.raises(MalformedInput):
            await storage.msps.page(Tenant, msp.msp_id, 5, position)


async def test_audit_events_come_newest_first_and_by_time_and_tenant(
    ports: Ports, msp: Msp
) -> None:
    events = []
    for hours in range(6):
        cause = replace(CAUSE, at=NOW + timedelta(hours=hours))
        tenant_id = OWN if hours % 2 else OTHER
        events.append(cause.event(msp.msp_id, f"a.{hours}", tenant_id=tenant_id))
    await ports.msps.commit([Insert(event) for event in events])

    async def actions(shown: AuditFilter) -> list[str]:
        page = await ports.msps.audit_events(msp.msp_id, 100, shown=shown)
        return [event.action for event in page.items]

    assert await actions(ALL) == [f"a.{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert await actions(AuditFilter(tenant_id=OWN)) == ["a.5", "a.3", "a.1"]
    since, until = NOW + timedelta(hours=2), NOW + timedelta(hours=4)
    assert await actions(AuditFilter(since=since, until=until)) == ["a.3", "a.2"]


async def test_no_row_of_another_msp_ever_shows(ports: Ports, msp: Msp) -> None:
    other = replace(msp, msp_id=MspId(str(uuid4())))
    event = CAUSE.event(msp.msp_id, "x", tenant_id=OWN)
    await ports.msps.commit(
        [Insert(of(msp)), Insert(PartnerTenantClaim(msp.msp_id, OWN)), Insert(event)]
    )
    await ports.msps.commit([Insert(other)])
    records = await ports.msps.tenant_records(other.msp_id, OWN)
    assert (records.tenant, records.head.slot) == (None, None)
    assert (await ports.msps.page(Tenant, other.msp_id, 10)).items == ()
    assert (await ports.msps.audit_events(other.msp_id, 10)).items == ()


async def test_all_rows_of_a_kind_come_in_the_order_of_their_keys(ports: Ports, msp: Msp) -> None:
    assert list(await ports.msps.all(Payment, msp.msp_id)) == []
    numbers = (10_000, 2, 1, 9999)
    payments = [
        Payment(msp.msp_id, n, Month(2026, 8), Decimal(n), NOW, NOW.date(), NOW if n == 2 else None)
        for n in numbers
    ]
    rows: list[Row] = [*payments, of(msp)]
    await ports.msps.commit([Insert(row) for row in rows])
    found = await ports.msps.all(Payment, msp.msp_id)
    assert list(found) == sorted(payments, key=lambda payment: payment.number)


async def test_all_rows_can_be_those_that_begin_with_parts_of_a_key(ports: Ports, msp: Msp) -> None:
    here, there = (
        [StaffMember(msp.msp_id, tid, ObjectId(str(uuid4())), Role.L1, "X") for _ in range(2)]
        for tid in (OWN, OTHER)
    )
    await ports.msps.commit([Insert(member) for member in (*here, *there)])
    found = await ports.msps.all(StaffMember, msp.msp_id, OWN)
    assert sorted(found, key=lambda m: m.oid) == sorted(here, key=lambda m: m.oid)


async def test_an_msp_without_invoices_owes_nothing(ports: Ports, msp: Msp) -> None:
    assert list((await read_payments(ports.msps, msp.msp_id)).unpaid) == []


async def test_unpaid_invoices_are_told_from_paid_ones(ports: Ports, msp: Msp) -> None:
    for number, paid_at in enumerate((NOW, None, None), start=1):
        month = Month(2026, 7 + number)
        payment = Payment(msp.msp_id, number, month, Decimal(1), NOW, NOW.date(), paid_at)
        await ports.msps.commit([Insert(payment)])
    unpaid = (await read_payments(ports.msps, msp.msp_id)).unpaid
    assert list(unpaid) == ["M365-INV-0002", "M365-INV-0003"]
