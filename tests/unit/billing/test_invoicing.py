import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.tables.limits import check_entity
from adapters.tables.rows import to_entity
from billing.bill_msp import BillingIncomplete
from billing.change_terms import change_terms
from billing.issue_invoices import issue_invoices
from billing.preview import projected, to_date
from billing.read_inputs import read_inputs
from billing.reconcile import Reconciled, reconcile
from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange, terms_in
from domain.errors import SellerIncomplete
from domain.identifiers import MspId
from domain.invoice import InvoiceLine, InvoiceLines, invoice_name, line_parts, parse_invoice_name
from domain.month import Month
from domain.msp import Msp, Tier
from domain.row_changes import Insert, Replace, Row
from domain.tenant import PartnerTenantClaim
from domain.usage import ActivePeriod, TenantUsage
from tests.samples import MSP, OWN, version
from tests.unit.billing.world import BillingWorld, customer_id, sydney, usage

SEPTEMBER, OCTOBER, NOVEMBER = Month(2026, 9), Month(2026, 10), Month(2026, 11)


async def test_nineteen_customers_and_the_partner_tenant_are_invoiced_as_nineteen() -> None:
    own = replace(usage(MSP, 0, sydney(2026, 9, 1)), tenant_id=OWN)
    world = BillingWorld(PartnerTenantClaim(MSP.msp_id, OWN), own)
    september, october = await world.issue()
    assert (september.month, october.month) == (SEPTEMBER, OCTOBER)
    assert (september.name, october.name) == ("M365-INV-0001", "M365-INV-0002")
    for invoice in (september, october):
        assert invoice.billed_tenants == len(await world.invoices.lines(invoice)) == 19
        assert (str(invoice.subtotal), str(invoice.gst)) == ("741.00", "74.10")
        assert str(invoice.total) == "815.10"
    assert october.due_on == date(2026, 11, 15)
    assert world.actions() == ["invoice.issued"] * 2
    assert await world.issue() == []


async def test_the_invoice_of_a_month_is_one_transaction() -> None:
    world = BillingWorld()
    await world.issue()
    kinds = [type(operation.row).__name__ for operation in world.msps.commits[0]]
    assert kinds == ["BillingAccount", "Invoice", "Payment", "AuditEvent", "InvoiceLines"]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Pacific/Auckland", datetime(2026, 10, 31, 11, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2026, 10, 31, 13, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
async def test_a_month_ends_at_the_msps_own_midnight(zone: str, midnight: datetime) -> None:
    world = BillingWorld(msp=replace(MSP, time_zone=zone))
    world.clock.moment = midnight - timedelta(microseconds=1)
    before = [invoice.month for invoice in await world.issue()]
    world.clock.moment = midnight
    assert OCTOBER not in before
    assert [invoice.month for invoice in await world.issue()] == [OCTOBER]


async def test_eight_runs_at_once_leave_one_invoice_a_month_without_a_gap() -> None:
    world = BillingWorld(customers=2)
    issued = await asyncio.gather(*(world.issue() for _ in range(8)))
    assert sorted(invoice.number for run in issued for invoice in run) == [1, 2]
    account = version((await world.msps.head(MSP.msp_id)).account)  # type: ignore[union-attr]  # it exists
    assert account.value == BillingAccount(MSP.msp_id, OCTOBER, issued=2)


async def test_an_msp_with_nothing_to_bill_gets_no_invoice_and_no_gap() -> None:
    later = usage(MSP, 50, sydney(2026, 10, 31, 23))
    world = BillingWorld(later, customers=0)
    (only,) = await world.issue()
    assert (only.number, only.month, str(only.total)) == (1, OCTOBER, "1.39")
    assert world.actions() == ["billing.month_closed", "invoice.issued"]


async def test_lines_that_do_not_fit_a_transaction_are_written_ahead_of_their_invoice() -> None:
    world = BillingWorld(customers=0)
    names = [f"{n:04d}" + "\u6771" * 240 for n in range(900)]
    for number, name in enumerate(names):
        long = replace(usage(MSP, number, sydney(2026, 10, 1)), tenant_name=name)
        await world.msps.commit([Insert(long)])
    world.msps.commits.clear()
    (invoice,) = await world.issue()
    lines = await world.invoices.lines(invoice)
    assert [line.tenant_name for line in lines] == names
    assert len(world.msps.commits[-1]) == 4
    assert not any(isinstance(op.row, InvoiceLines) for op in world.msps.commits[-1])


@pytest.mark.parametrize("name", ["x" * 256, '"' * 256, "\x01" * 256, "\u6771" * 256])
def test_each_part_of_the_lines_fits_a_row_whatever_the_names(name: str) -> None:
    lines = [InvoiceLine(customer_id(n), name, 31, 31, Decimal("39.00")) for n in range(200)]
    parts = line_parts(MSP.msp_id, OCTOBER, lines)
    assert [line for part in parts for line in part.lines] == lines
    assert max(check_entity(to_entity(part)) for part in parts) < 70_000


async def test_what_an_attempt_that_died_left_behind_is_no_part_of_the_invoice() -> None:
    world = BillingWorld(customers=3)
    (whole, _) = await world.issue()
    lines = await world.invoices.lines(whole)
    await world.invoices.put_lines(line_parts(MSP.msp_id, SEPTEMBER, lines[:2]))
    assert await world.invoices.lines(whole) == lines


async def test_a_conversion_is_either_before_an_invoice_or_after_it() -> None:
    """A conversion writes the same rows that a concurrent invoice is decided on."""
    world = BillingWorld(customers=1)
    head = await world.msps.head(MSP.msp_id)
    assert head is not None
    read = world.msps.all
    raced = False

    async def usage_then_conversion(kind: type[Row], msp_id: MspId) -> object:
        nonlocal raced
        found = await read(kind, msp_id)
        if kind is TenantUsage and not raced:
            raced = True
            known = world.msps.rows[MSP.msp_id, "TenantUsage", customer_id(0)]
            gone = replace(known.value, periods=())
            slot = PartnerTenantClaim(MSP.msp_id, customer_id(0))
            account = Insert(BillingAccount(MSP.msp_id))
            await world.msps.commit((Replace(gone, known.version), Insert(slot), account))
        return found

    world.msps.all = usage_then_conversion  # type: ignore[assignment, method-assign]  # a race
    assert await world.issue() == []


async def test_a_new_tier_holds_from_the_next_month() -> None:
    world = BillingWorld()
    world.clock.moment = sydney(2026, 9, 20)
    terms = BillingTerms(Tier.PROFESSIONAL)
    month, warning = await change_terms(world.msps, world.invoices, MSP.msp_id, terms, world.cause)
    assert (month, warning) == (OCTOBER, None)
    world.clock.moment = sydney(2026, 11, 1)
    september, october = await world.issue()
    assert (str(september.unit_price), str(october.unit_price)) == ("39.00", "49.00")
    assert (september.tier, october.tier) == (Tier.BUSINESS, Tier.PROFESSIONAL)


async def test_of_two_changes_for_a_month_the_later_holds_and_a_repeat_is_none() -> None:
    world = BillingWorld()
    for terms in (BillingTerms(Tier.ENTERPRISE), BillingTerms(Tier.PROFESSIONAL, None, True)):
        for _ in range(2):
            world.clock.advance(minutes=1)
            await change_terms(world.msps, world.invoices, MSP.msp_id, terms, world.cause)
    assert world.actions() == ["billing.terms_changed"] * 2
    world.clock.moment = sydney(2027, 1, 1)
    *_, december = await world.issue()
    assert (december.tier, str(december.discount)) == (Tier.PROFESSIONAL, "-77.27")


async def test_an_msp_below_its_tiers_minimum_is_warned_of_and_invoiced_for_what_it_has() -> None:
    world = BillingWorld()
    terms = BillingTerms(Tier.ENTERPRISE)
    _, warning = await change_terms(world.msps, world.invoices, MSP.msp_id, terms, world.cause)
    assert warning == "19 tenants are below the minimum of 201 for the tier enterprise."
    world.clock.moment = sydney(2026, 12, 1)
    *_, november = await world.issue()
    assert (november.tier, str(november.subtotal)) == (Tier.BUSINESS, "741.00")
    world.clock.moment = sydney(2027, 1, 1)
    (december,) = await world.issue()
    assert (december.billed_tenants, str(december.subtotal)) == (19, "551.00")


async def test_a_deleted_msp_gets_its_last_invoice_and_then_none() -> None:
    world = BillingWorld(msp=replace(MSP, closed_at=sydney(2026, 9, 20)))
    world.clock.moment = sydney(2027, 1, 1)
    assert [invoice.month for invoice in await world.issue()] == [SEPTEMBER]
    assert (await _reconcile(world, SEPTEMBER)).differences == ()
    later = await reconcile(world.msps, world.invoices, MSP.msp_id, OCTOBER, world.clock.now())
    assert later is None


async def test_a_seller_without_an_abn_issues_nothing() -> None:
    world = BillingWorld()
    ports = replace(world.ports, seller=replace(world.ports.seller, abn=None))
    with pytest.raises(SellerIncomplete):
        await issue_invoices(ports, MSP.msp_id, world.cause)
    assert world.msps.commits == []


async def test_each_invoice_is_documented_once_and_one_that_was_missed_is_made_good() -> None:
    world = BillingWorld()
    await world.issue()
    assert world.documents.stored == {}
    await world.run()
    await world.run()
    assert {name for _, name in world.documents.stored} == {"M365-INV-0001", "M365-INV-0002"}
    assert world.actions().count("invoice.documented") == 2


async def test_one_msps_trouble_holds_up_no_other() -> None:
    broken = replace(MSP, msp_id=type(MSP.msp_id)("broken"), time_zone="Nowhere/Atall")
    world = BillingWorld(broken)
    with pytest.raises(BillingIncomplete, match="broken"):
        await world.run()
    assert len(world.documents.stored) == 2


async def test_the_preview_is_to_date_and_projected_to_the_end_of_the_month() -> None:
    world = BillingWorld(customers=2)
    now = sydney(2026, 11, 15, 12)
    head = await world.msps.head(MSP.msp_id)
    assert head is not None
    books = await read_inputs(world.msps, world.invoices, head)
    assert to_date(books, NOVEMBER, now).subtotal == Decimal("39.00")
    assert projected(books, NOVEMBER, now).subtotal == Decimal("78.00")
    assert projected(books, OCTOBER, now) == to_date(books, OCTOBER, now)


async def test_reconciliation_agrees_with_what_was_issued_also_after_a_conversion() -> None:
    world = BillingWorld(customers=3)
    await world.issue()
    slot = PartnerTenantClaim(MSP.msp_id, customer_id(1))
    await world.msps.commit([Insert(slot)])
    found = await _reconcile(world, OCTOBER)
    assert (found.differences, found.invoice) == ((), "M365-INV-0002")
    assert found.warning == "3 tenants are below the minimum of 51 for the tier business."


async def test_reconciliation_tells_every_difference() -> None:
    world = BillingWorld(customers=3)
    await world.issue()
    known = world.msps.rows[MSP.msp_id, "TenantUsage", customer_id(1)]
    shorter = replace(
        known.value, periods=(ActivePeriod(sydney(2026, 10, 1), sydney(2026, 10, 3)),)
    )
    await world.msps.commit([Replace(shorter, known.version)])
    invoice = world.msps.rows.pop((MSP.msp_id, "Payment", f"{1:09d}"))
    assert invoice
    found = await _reconcile(world, OCTOBER)
    assert found.differences == (
        "subtotal is 117.00, 80.52 expected",
        "GST is 11.70, 8.05 expected",
        f"tenant {customer_id(1)}: 31 days, 39.00, 2 days, 2.52 expected",
        "the invoices are numbered [2], 1 to 2 expected",
    )
    del world.msps.rows[MSP.msp_id, "Invoice", "2026-10"]
    assert "no invoice; 88.57 expected" in (await _reconcile(world, OCTOBER)).differences


async def test_reconciliation_tells_of_a_month_that_was_never_closed() -> None:
    world = BillingWorld(customers=0)
    assert (await _reconcile(world, OCTOBER)).differences == ("the month is not closed yet",)
    missing = await reconcile(world.msps, world.invoices, MSP.msp_id, NOVEMBER, world.clock.now())
    assert missing is None


async def _reconcile(world: BillingWorld, month: Month) -> Reconciled:
    found = await reconcile(world.msps, world.invoices, MSP.msp_id, month, world.clock.now())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("M365-INV-0001", 1),
        ("M365-INV-12345", 12345),
        ("M365-INV-0000", None),
        ("M365-INV-00001", None),
        ("M365-INV-1", None),
        ("m365-inv-0001", None),
        ("M365-INV-\u0661\u0662\u0663\u0664", None),
        ("M365-INV-0001\n", None),
        ("", None),
    ],
)
def test_a_number_has_one_spelling(text: str, number: int | None) -> None:
    assert parse_invoice_name(text) == number
    assert number is None or invoice_name(number) == text


def test_terms_before_any_change_are_those_of_onboarding() -> None:
    msp: Msp = replace(MSP, annual_prepay=True)
    change = TermsChange(MSP.msp_id, OCTOBER, MSP.onboarded_at, BillingTerms(Tier.ENTERPRISE))
    assert terms_in(msp, [change], SEPTEMBER) == BillingTerms(Tier.BUSINESS, None, True)
    assert terms_in(msp, [change], NOVEMBER) == BillingTerms(Tier.ENTERPRISE)
