import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange
from domain.errors import ConcurrentChange
from domain.identifiers import MspId, TenantId
from domain.invoice import Invoice, InvoiceLine, InvoiceParty, Payment, line_parts
from domain.month import Month
from domain.msp import Msp, Tier
from domain.row_changes import Insert, Replace, Row, RowChange
from tests.contract.conftest import Ports
from tests.samples import MSP, NOW, version

OCTOBER = Month(2026, 10)


@pytest.fixture
async def msp(ports: Ports) -> Msp:
    """A new MSP."""
    new = replace(MSP, msp_id=MspId(str(uuid4())), billing_email="accounts@contoso.com")
    await ports.msps.commit([Insert(new)])
    return new


def invoice(msp: Msp, number: int = 1, month: Month = OCTOBER, line_set: str = "x") -> Invoice:
    return Invoice(
        msp_id=msp.msp_id,
        number=number,
        month=month,
        issued_at=NOW,
        due_on=date(2026, 11, 24),
        time_zone="Australia/Sydney",
        tier=Tier.BUSINESS,
        unit_price=Decimal("39.00"),
        billed_tenants=2,
        discount=Decimal("-6.47"),
        subtotal=Decimal("99999999999.53"),
        gst=Decimal("9999999999.95"),
        seller=InvoiceParty("Manage365 Pty Ltd", "35000000365", "1 Example Street\nSydney"),
        buyer=InvoiceParty('Contoso "MSP" \u6771', None),
        line_set=line_set,
    )


def payment(msp: Msp, number: int = 1, month: Month = OCTOBER) -> Payment:
    return Payment(msp.msp_id, number, month, Decimal("78.68"), NOW, date(2026, 11, 24))


def lines(count: int) -> list[InvoiceLine]:
    return [
        InvoiceLine(
            TenantId(f"{n:08d}-0000-4000-8000-000000000000"),
            'Ünï/cöde "#?\\ \u6771\u4eac 🦊',
            n % 31 + 1,
            31,
            Decimal(n).scaleb(-2),
        )
        for n in range(count)
    ]


async def test_every_kind_of_billing_row_comes_back_as_it_went(ports: Ports, msp: Msp) -> None:
    parts = line_parts(msp.msp_id, OCTOBER, lines(300))
    own, paid = invoice(msp, line_set=parts[0].line_set), payment(msp)
    paid = replace(paid, paid_at=NOW, dunning_step=3, dunning_at=NOW, notified_step=1)
    account = BillingAccount(msp.msp_id, OCTOBER, 1, 1)
    terms = BillingTerms(Tier.ENTERPRISE_PLUS, 2155, annual_prepay=True)
    changes = [TermsChange(msp.msp_id, OCTOBER, NOW + timedelta(n, 0, 1), terms) for n in (0, 1)]
    rows: list[Row] = [own, paid, account, *changes, *parts]
    await ports.msps.commit([Insert(row) for row in rows])
    head = await ports.msps.head(msp.msp_id)
    assert head is not None
    assert head.msp.value == msp
    assert version(head.account).value == account
    assert await ports.invoices.invoice(msp.msp_id, OCTOBER) == own
    assert (await ports.invoices.invoices(msp.msp_id, 10)).items == (own,)
    assert list(await ports.invoices.lines(own)) == lines(300)
    assert version(await ports.invoices.payment(msp.msp_id, 1)).value == paid
    assert list(await ports.invoices.terms(msp.msp_id)) == changes


async def test_what_is_not_there_is_none(ports: Ports, msp: Msp) -> None:
    assert await ports.invoices.invoice(msp.msp_id, OCTOBER) is None
    assert await ports.invoices.payment(msp.msp_id, 1) is None
    assert list(await ports.invoices.lines(invoice(msp))) == []
    assert list(await ports.invoices.terms(msp.msp_id)) == []
    assert (await ports.invoices.invoices(msp.msp_id, 10)).items == ()


async def test_a_month_has_one_invoice_however_many_are_written_at_once(
    ports: Ports, msp: Msp
) -> None:
    async def issue(number: int) -> bool:
        account = BillingAccount(msp.msp_id, OCTOBER, number)
        rows = (Insert(account), Insert(invoice(msp, number)), Insert(payment(msp, number)))
        try:
            await ports.msps.commit(rows)
        except ConcurrentChange:
            return False
        return True

    assert sum(await asyncio.gather(*map(issue, range(1, 9)))) == 1
    assert len(await ports.invoices.payments(msp.msp_id)) == 1


async def test_payments_come_in_the_order_of_their_numbers_and_unpaid_ones_alone(
    ports: Ports, msp: Msp
) -> None:
    numbers = (1, 2, 3, 9999, 10000)
    await ports.msps.commit([Insert(payment(msp, number)) for number in numbers])

    async def found(*bounds: int, unpaid: bool = False) -> list[int]:
        known = await ports.invoices.payments(msp.msp_id, *bounds, unpaid=unpaid)
        return [one.value.number for one in known]

    assert await found() == list(numbers)
    assert await found(2, 9999) == [2, 3, 9999]
    (second,) = await ports.invoices.payments(msp.msp_id, 2, 2)
    paid = replace(second.value, paid_at=NOW)
    await ports.msps.commit([Replace(paid, second.version)])
    assert await found(unpaid=True) == [1, 3, 9999, 10000]
    with pytest.raises(ConcurrentChange):
        await ports.msps.commit([Replace(paid, second.version)])


async def test_invoices_come_in_pages_oldest_first(ports: Ports, msp: Msp) -> None:
    months = [OCTOBER.plus(n) for n in range(5)]
    inserts: list[RowChange] = [Insert(invoice(msp, n + 1, m)) for n, m in enumerate(months)]
    await ports.msps.commit(inserts)
    first = await ports.invoices.invoices(msp.msp_id, 3)
    rest = await ports.invoices.invoices(msp.msp_id, 3, first.next_token)
    assert [one.month for one in (*first.items, *rest.items)] == months
    assert rest.next_token is None


async def test_lines_written_ahead_are_only_the_invoices_that_names_them(
    ports: Ports, msp: Msp
) -> None:
    wide = [replace(line, tenant_name="\u6771" * 250) for line in lines(400)]
    mine, others = line_parts(msp.msp_id, OCTOBER, wide), line_parts(msp.msp_id, OCTOBER, lines(7))
    assert len(mine) > 40
    await ports.invoices.put_lines(others)
    await ports.invoices.put_lines(mine)
    await ports.invoices.put_lines(mine)
    assert list(await ports.invoices.lines(invoice(msp, line_set=mine[0].line_set))) == wide


async def test_a_document_is_written_once(ports: Ports, msp: Msp) -> None:
    assert await ports.documents.get(msp.msp_id, "M365-INV-0001") is None
    contents = [bytes([n]) * 1000 for n in range(8)]
    written = await asyncio.gather(
        *(ports.documents.put(msp.msp_id, "M365-INV-0001", content) for content in contents)
    )
    assert sum(written) == 1
    stored = contents[written.index(True)]
    assert await ports.documents.get(msp.msp_id, "M365-INV-0001") == stored
    assert await ports.documents.get(MspId(str(uuid4())), "M365-INV-0001") is None
