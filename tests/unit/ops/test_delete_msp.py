"""An MSP is deleted whole, by its name, and not while it owes money."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.transactions import decide_and_commit
from domain.audit import AuditEvent, Cause
from domain.billing_account import BillingAccount
from domain.consent_session import ConsentRecord, ConsentState, hash_state
from domain.errors import MalformedInput, MspSuspended
from domain.identifiers import MspId, ObjectId, TenantId
from domain.invoice import Payment
from domain.month import Month
from domain.msp import Msp
from domain.partner_tenant import enable
from domain.row_changes import Insert
from domain.tenant import GdapInvite, TenantRemoval
from domain.usage import ActivePeriod, TenantUsage
from ops.deletion import Deleted, DeletionPorts, InvoicesUnpaid, delete_msp
from tests.fakes.fuse import Died, Fuse
from tests.fakes.outside import FakeQueues
from tests.fakes.storage import FakeMspStore, FakePendingWork, FakeStaffIndex
from tests.samples import (
    CAUSE,
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    MSP,
    NOW,
    ORGANIZATION,
    OTHER,
    OWN,
    OWNER,
    tenant,
)

LATER = Cause(CAUSE.actor, NOW + timedelta(days=1), "deletion")


class World:
    """Contoso with a partner tenant, a customer, an invite and staff; and fabrikam."""

    def __init__(self) -> None:
        self.theirs = (replace(MSP, msp_id=FABRIKAM), tenant(msp_id=FABRIKAM))
        self.usage = TenantUsage(CONTOSO, CUSTOMER, "Northwind Traders", (ActivePeriod(NOW),))
        invite = GdapInvite(CONTOSO, TenantId(OTHER), "X", "r", "pending", "u", NOW, NOW)
        consent = ConsentRecord(CONTOSO, hash_state("x"), ConsentState.PENDING, None, NOW)
        second = replace(OWNER, oid=ObjectId(OTHER))
        rows = (MSP, tenant(), self.usage, invite, consent, OWNER, second, *self.theirs)
        self.store, self.index = FakeMspStore(*rows), FakeStaffIndex()
        self.pending_work, self.queues = FakePendingWork(), FakeQueues()
        for member in (OWNER, second):
            self.index.claims[member.tid, member.oid] = CONTOSO

    def ports(self, fuse: Fuse | None = None) -> DeletionPorts:
        fuse = fuse or Fuse()
        return DeletionPorts(
            msps=fuse.guard(self.store),
            staff_index=fuse.guard(self.index),
            pending_work=fuse.guard(self.pending_work),
            queues=fuse.guard(self.queues),
        )

    async def enabled(self) -> None:
        await decide_and_commit(
            lambda: self.store.tenant_records(CONTOSO, OWN),
            lambda records: enable(records, ORGANIZATION, CAUSE, convert=True),
            self.store.commit,
        )

    async def delete(self, fuse: Fuse | None = None, name: str = "Contoso MSP") -> Deleted:
        return await delete_msp(self.ports(fuse), CONTOSO, name, LATER)

    def left(self) -> dict[str, list[Any]]:
        rows = [v.value for k, v in self.store.rows.items() if k[0] == CONTOSO]
        kinds = (AuditEvent, TenantRemoval)
        return {"rows": [row for row in rows if not isinstance(row, kinds)]}

    def check(self) -> None:
        (msp,) = [row for row in self.left()["rows"] if isinstance(row, Msp)]
        assert msp.closed_at == LATER.at
        kept = [self.usage.closed(LATER.at), BillingAccount(CONTOSO)]
        assert [row for row in self.left()["rows"] if row is not msp] == kept
        assert self.index.claims == {}
        assert {ref.tenant_id for ref in self.queues.purges} == {CUSTOMER, OWN}
        assert self.store.actions(CONTOSO).count("msp.deleted") == 1
        kept = [v.value for k, v in self.store.rows.items() if k[0] == FABRIKAM]
        assert tuple(kept) == self.theirs


async def test_all_of_it_goes_but_profile_audit_and_usage_and_another_msp_keeps_everything() -> (
    None
):
    world = World()
    await world.enabled()
    deleted = await world.delete()
    assert (deleted.tenants, deleted.staff) == (2, 2)
    assert deleted.secrets == ("partner-app", "service-account")
    world.check()


async def test_it_is_refused_by_another_name_and_while_invoices_are_unpaid() -> None:
    world = World()
    with pytest.raises(MalformedInput):
        await world.delete(name="Contoso")
    owed = [
        Payment(CONTOSO, number, Month(2026, number), Decimal(1), NOW, NOW.date())
        for number in (7, 8)
    ]
    await world.store.commit([Insert(payment) for payment in owed])
    before = dict(world.store.rows)
    with pytest.raises(InvoicesUnpaid, match="M365-INV-0007, M365-INV-0008"):
        await world.delete()
    assert world.store.rows == before
    with pytest.raises(LookupError):
        await delete_msp(world.ports(), MspId("nobody"), "x", LATER)


async def test_cut_off_at_any_call_the_next_run_completes_it() -> None:
    fuse, whole = Fuse(), World()
    await whole.enabled()
    await whole.delete(fuse)
    for at in range(1, fuse.calls + 1):
        for after in (False, True):
            world = World()
            await world.enabled()
            with pytest.raises(Died):
                await world.delete(Fuse(at, after=after))
            await world.delete()
            # What was decided and not queued is on record, and the recovery timer finds it.
            world.queues.purges += [i.subject for i in world.pending_work.rows.values()]  # type: ignore[misc]  # tenants
            world.check()


async def test_a_consent_that_was_under_way_comes_too_late() -> None:
    world = World()
    await world.delete()
    with pytest.raises(MspSuspended):
        await world.enabled()
