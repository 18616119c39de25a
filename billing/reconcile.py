"""Reconciliation: compares the charge according to usage with the invoice that was issued."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.calculation import Charge, calculate
from billing.inputs import BillingInputs
from billing.price_list import eligibility_warning
from billing.read_inputs import read_inputs
from domain.billing_account import next_month
from domain.billing_terms import terms_in
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine
from domain.month import Month
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspHead, MspStore


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of comparing one month of one MSP.

    Args:
        differences: Descriptions of the differences; empty if there are none.
        warning: A warning if the MSP has too few tenants for its tier.
    """

    msp_id: MspId
    invoice: str | None
    total: Decimal
    differences: tuple[str, ...]
    warning: str | None


async def reconcile(
    msps: MspStore, invoices: InvoiceStore, msp_id: MspId, month: Month, now: datetime
) -> Reconciled | None:
    """Recompute an MSP's month and compare; None if it has no such month, or it is not over."""
    head = await msps.head(msp_id)
    if head is None or not _is_over(head, month, now):
        return None
    books = await read_inputs(msps, invoices, head)
    invoice = await invoices.invoice(msp_id, month)
    lines = await invoices.lines(invoice) if invoice else ()
    expected = _expected(books, month)
    found = [*compare(expected, invoice, lines), *await _numbering(invoices, head)]
    if next_month(head.msp.value, head.account.value if head.account else None) <= month:
        found.append("the month is not closed yet")
    warning = eligibility_warning(expected.tier, len(expected.lines))
    name = invoice.name if invoice else None
    return Reconciled(msp_id, name, expected.total, tuple(found), warning)


def _is_over(head: MspHead, month: Month, now: datetime) -> bool:
    msp, zone = head.msp.value, ZoneInfo(head.msp.value.time_zone)
    last = Month.of(msp.closed_at or now, zone)
    return Month.of(msp.onboarded_at, zone) <= month <= last and month.end(zone) <= now


def _expected(books: BillingInputs, month: Month) -> Charge:
    """Calculate the month again, from usage only.

    The current partner tenant may have been a customer then. The usage that a conversion dropped
    was not invoiced; the usage that it kept was.
    """
    msp = books.head.msp.value
    terms, end = terms_in(msp, books.terms, month), month.end(ZoneInfo(msp.time_zone))
    return calculate(msp, terms, books.usages, None, month, end)


def compare(expected: Charge, invoice: Invoice | None, lines: Sequence[InvoiceLine]) -> list[str]:
    """Return descriptions of the differences between an invoice and the expected charge."""
    if invoice is None:
        return [f"no invoice; {expected.total} expected"] if expected.total else []
    found = [
        f"{name} is {stated}, {wanted} expected"
        for name, stated, wanted in (
            ("unit price", invoice.unit_price, expected.unit_price),
            ("discount", invoice.discount, expected.discount),
            ("subtotal", invoice.subtotal, expected.subtotal),
            ("GST", invoice.gst, expected.gst),
        )
        if stated != wanted
    ]
    stated_sum = sum((line.amount for line in lines), invoice.discount)
    if stated_sum != invoice.subtotal:
        found.append(f"the lines come to {stated_sum}, the subtotal to {invoice.subtotal}")
    return found + _line_differences(expected.lines, lines)


def _line_differences(wanted: Iterable[InvoiceLine], stated: Iterable[InvoiceLine]) -> list[str]:
    def by_tenant(lines: Iterable[InvoiceLine]) -> dict[str, tuple[int, Decimal]]:
        return {line.tenant_id: (line.active_days, line.amount) for line in lines}

    left, right = by_tenant(wanted), by_tenant(stated)
    return [
        f"tenant {tenant_id}: {_in_words(right.get(tenant_id))},"
        f" {_in_words(left.get(tenant_id))} expected"
        for tenant_id in sorted({*left, *right})
        if left.get(tenant_id) != right.get(tenant_id)
    ]


def _in_words(line: tuple[int, Decimal] | None) -> str:
    return f"{line[0]} days, {line[1]}" if line else "no line"


async def _numbering(invoices: InvoiceStore, head: MspHead) -> list[str]:
    issued = head.account.value.issued if head.account else 0
    known = await invoices.payments(head.msp.value.msp_id)
    numbers = [payment.value.number for payment in known]
    if numbers == list(range(1, issued + 1)):
        return []
    return [f"the invoices are numbered {numbers}, 1 to {issued} expected"]
