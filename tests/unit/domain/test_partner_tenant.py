from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.remove_tenant import RemovalPorts, remove_tenant
from core.transactions import decide_and_commit
from domain.billing_account import BillingAccount
from domain.errors import NoPartnerTenant, PartnerTenantExists, PartnerTenantProtected
from domain.identifiers import TenantId
from domain.lifecycle import OFFBOARD, SUSPEND, take
from domain.month import Month
from domain.partner_tenant import Enabled, Enabling, disable, enable
from domain.tenant import Organization, PartnerTenantClaim, Tenant, TenantStatus
from domain.usage import ActivePeriod, TenantUsage
from domain.work_queues import PURGE_TENANT
from mytenant.disable import disable_partner_tenant
from tenants.hard_delete import decide_hard_delete, hard_delete
from tests.fakes.outside import FakeQueues
from tests.fakes.storage import FakeMspStore, FakePendingWork
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, NOW, ORGANIZATION, OTHER, OWN, tenant


async def enabled(
    store: FakeMspStore, organization: Organization = ORGANIZATION, *, convert: bool = True
) -> Enabled:
    return await decide_and_commit(
        lambda: store.tenant_records(CONTOSO, organization.tenant_id),
        lambda records: enable(records, organization, CAUSE, convert=convert),
        store.commit,
    )


async def test_enable_creates_row_slot_and_one_event_at_once() -> None:
    store = FakeMspStore(MSP)
    result = await enabled(store)
    assert result.enabling is Enabling.CREATED
    assert len(store.commits) == 1
    kinds = [type(operation.row) for operation in store.commits[0]]
    assert {Tenant, PartnerTenantClaim} <= set(kinds)
    assert store.actions(CONTOSO) == ["tenant.enabled"]


async def test_enabling_again_changes_nothing() -> None:
    store = FakeMspStore(MSP)
    await enabled(store)
    assert (await enabled(store)).enabling is Enabling.ALREADY
    assert len(store.commits) == 1


async def test_a_second_partner_tenant_is_refused() -> None:
    store = FakeMspStore(MSP)
    await enabled(store)
    with pytest.raises(PartnerTenantExists):
        await enabled(store, Organization(OTHER, "Other", None))


async def test_a_conversion_keeps_the_life_of_the_tenant_and_drops_its_usage() -> None:
    customer = tenant(OWN, status=TenantStatus.SUSPENDED)
    usage = TenantUsage(CONTOSO, OWN, "Contoso MSP", (ActivePeriod(NOW),))
    store = FakeMspStore(MSP, customer, usage)
    result = await enabled(store)
    assert result.enabling is Enabling.CONVERTED
    assert result.tenant.epoch == customer.epoch
    assert result.tenant.status is TenantStatus.ACTIVE
    assert await store.all(TenantUsage, CONTOSO) == []


async def test_a_tenant_that_was_deleted_and_comes_back_as_partner_is_billed_no_more() -> None:
    usage = TenantUsage(CONTOSO, OWN, "Contoso MSP", (ActivePeriod(NOW, NOW),))
    store = FakeMspStore(MSP, usage)
    assert (await enabled(store, convert=False)).enabling is Enabling.CREATED
    assert await store.all(TenantUsage, CONTOSO) == []


async def test_a_conversion_leaves_what_is_invoiced_and_drops_the_rest() -> None:
    began = datetime(2026, 9, 1, tzinfo=UTC)
    msp = replace(MSP, onboarded_at=began, time_zone="Europe/London")
    usage = TenantUsage(CONTOSO, OWN, "Contoso MSP", (ActivePeriod(began), ActivePeriod(NOW, NOW)))
    account = BillingAccount(CONTOSO, Month(2026, 10), issued=2)
    store = FakeMspStore(msp, tenant(OWN), usage, account)
    await enabled(store)
    (kept,) = await store.all(TenantUsage, CONTOSO)
    assert kept.periods == (ActivePeriod(began, datetime(2026, 11, 1, tzinfo=UTC)),)
    # An invoice that is being made meanwhile was decided on another version of the account.
    assert any(isinstance(operation.row, BillingAccount) for operation in store.commits[-1])


async def test_consent_leaves_a_customer_row_as_it_is() -> None:
    store = FakeMspStore(MSP, tenant(OWN))
    assert (await enabled(store, convert=False)).enabling is Enabling.EXISTING_CUSTOMER
    assert store.commits == []


async def test_disable_removes_row_and_slot_and_leaves_the_work_on_record() -> None:
    store, pending_work, queues = FakeMspStore(MSP), FakePendingWork(), FakeQueues()
    ref = (await enabled(store)).tenant.ref
    assert (
        await disable_partner_tenant(
            RemovalPorts(msps=store, pending_work=pending_work, queues=queues), CONTOSO, CAUSE
        )
        == OWN
    )
    assert store.of_kind(Tenant, CONTOSO) == []
    assert store.of_kind(PartnerTenantClaim, CONTOSO) == []
    assert queues.purges == [ref]
    assert (PURGE_TENANT, ref) in pending_work.rows


async def test_disable_without_a_partner_tenant_is_refused() -> None:
    with pytest.raises(NoPartnerTenant):
        await disable_partner_tenant(
            RemovalPorts(
                msps=FakeMspStore(MSP), pending_work=FakePendingWork(), queues=FakeQueues()
            ),
            CONTOSO,
            CAUSE,
        )


async def test_hard_delete_of_the_partner_tenant_says_exactly_what_the_documentation_says() -> None:
    store = FakeMspStore(MSP)
    await enabled(store)
    with pytest.raises(PartnerTenantProtected) as refused:
        await hard_delete(
            RemovalPorts(msps=store, pending_work=FakePendingWork(), queues=FakeQueues()),
            CONTOSO,
            OWN,
            CAUSE,
        )
    assert str(refused.value) == (
        "Cannot hard-delete the MSP's own partner tenant. Disable via /my-tenant first."
    )
    assert len(store.of_kind(Tenant, CONTOSO)) == 1


async def test_a_conversion_that_gets_in_between_stops_a_hard_delete() -> None:
    store, pending_work, queues = FakeMspStore(MSP, tenant(OWN)), FakePendingWork(), FakeQueues()
    converted = False

    async def racing(msp_id: object, tenant_id: TenantId) -> object:
        nonlocal converted
        records = await FakeMspStore.tenant_records(store, CONTOSO, tenant_id)
        if not converted:
            converted = True
            await enabled(store)
        return records

    reader = FakeMspStore()
    reader.tenant_records = racing  # type: ignore[method-assign, assignment]  # the race itself
    reader.commit = store.commit  # type: ignore[method-assign]  # on the same rows
    with pytest.raises(PartnerTenantProtected):
        await remove_tenant(
            RemovalPorts(msps=reader, pending_work=pending_work, queues=queues),
            CONTOSO,
            OWN,
            lambda records: decide_hard_delete(records, CAUSE),
            NOW,
        )
    assert [known.value.is_own_msp_tenant for known in store.of_kind(Tenant, CONTOSO)] == [True]
    assert queues.purges == []


async def test_hard_delete_closes_the_usage_and_keeps_it() -> None:
    usage = TenantUsage(CONTOSO, CUSTOMER, "Old name", (ActivePeriod(NOW - timedelta(days=3)),))
    store = FakeMspStore(MSP, tenant(), usage)
    await hard_delete(
        RemovalPorts(msps=store, pending_work=FakePendingWork(), queues=FakeQueues()),
        CONTOSO,
        CUSTOMER,
        CAUSE,
    )
    (kept,) = await store.all(TenantUsage, CONTOSO)
    assert kept.periods == (ActivePeriod(NOW - timedelta(days=3), NOW),)
    assert kept.tenant_name == "Northwind Traders"


@pytest.mark.parametrize("step", [SUSPEND, OFFBOARD])
async def test_the_partner_tenant_has_no_lifecycle(step: object) -> None:
    store = FakeMspStore(MSP)
    await enabled(store)
    records = await store.tenant_records(CONTOSO, OWN)
    assert records.tenant is not None
    with pytest.raises(PartnerTenantProtected):
        take(step, records.tenant, records, CAUSE)  # type: ignore[arg-type]  # both are steps


async def test_disable_takes_no_other_tenant_than_the_one_in_the_slot() -> None:
    store = FakeMspStore(MSP, tenant())
    await enabled(store)
    with pytest.raises(NoPartnerTenant):
        disable(await store.tenant_records(CONTOSO, CUSTOMER), CAUSE)
