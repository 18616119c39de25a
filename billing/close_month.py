"""Closing a month: a pure decision on an MSP's billing inputs, with the invoice if any."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from billing.calculation import Charge, calculate
from billing.inputs import BillingInputs
from billing.invoice_numbers import take_number
from domain.audit import AuditEvent, Cause
from domain.billing_account import BillingAccount, next_month
from domain.billing_terms import terms_in
from domain.invoice import Invoice, InvoiceLines, InvoiceParty, Payment, line_parts
from domain.month import Month
from domain.msp import Msp
from domain.ports.msp_store import MspHead
from domain.row_changes import Decision, Insert, RowChange, write

DAYS_TO_PAY = 14


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A closed month, and its invoice unless there was nothing to bill."""

    month: Month
    invoice: Invoice | None


def due_month(head: MspHead, now: datetime) -> Month | None:
    """Return the first month that is over in the MSP's time zone and not closed yet.

    A deleted MSP has no such month after the month in which it was deleted.
    """
    msp, zone = head.msp.value, ZoneInfo(head.msp.value.time_zone)
    month = next_month(msp, head.account.value if head.account else None)
    if msp.closed_at and month > Month.of(msp.closed_at, zone):
        return None
    return month if month.end(zone) <= now else None


def close_month(
    books: BillingInputs, month: Month, seller: InvoiceParty, cause: Cause
) -> Decision[ClosedMonth]:
    """Decide how the next month is closed: account, invoice and lines in one transaction.

    The version of the account's row guards the transaction: a decision based on an older version
    is refused. Even without it, a second invoice for the month would be a conflict, since the
    month is the key of the invoice's row.
    """
    msp = books.head.msp.value
    terms = terms_in(msp, books.terms, month)
    charge = calculate(msp, terms, books.usages, books.partner_tenant, month, cause.at)
    known = books.head.account
    account = replace(known.value if known else BillingAccount(msp.msp_id), closed_through=month)
    if not charge.total:
        event = cause.event(msp.msp_id, "billing.month_closed", after={"month": str(month)})
        return Decision(ClosedMonth(month, None), (write(account, known), Insert(event)))
    number, account = take_number(account)
    parts = line_parts(msp.msp_id, month, charge.lines)
    invoice = _invoice(msp, charge, seller, number, cause.at)
    invoice = replace(invoice, line_set=parts[0].line_set)
    operations: tuple[RowChange, ...] = (
        write(account, known),
        Insert(invoice),
        Insert(_payment(invoice)),
        Insert(_issued(invoice, cause)),
    )
    return Decision(ClosedMonth(month, invoice), (*operations, *_inserted(parts)))


def _inserted(parts: list[InvoiceLines]) -> tuple[RowChange, ...]:
    return tuple(Insert(part) for part in parts)


def _invoice(msp: Msp, charge: Charge, seller: InvoiceParty, number: int, now: datetime) -> Invoice:
    """Return an invoice that names no lines yet."""
    issued_on = now.astimezone(ZoneInfo(msp.time_zone)).date()
    return Invoice(
        msp_id=msp.msp_id,
        number=number,
        month=charge.month,
        issued_at=now,
        due_on=issued_on + timedelta(days=DAYS_TO_PAY),
        time_zone=msp.time_zone,
        tier=charge.tier,
        unit_price=charge.unit_price,
        billed_tenants=len(charge.lines),
        discount=charge.discount,
        subtotal=charge.subtotal,
        gst=charge.gst,
        seller=seller,
        buyer=InvoiceParty(msp.name, msp.abn),
        line_set="",
    )


def _payment(invoice: Invoice) -> Payment:
    return Payment(
        msp_id=invoice.msp_id,
        number=invoice.number,
        month=invoice.month,
        total=invoice.total,
        issued_at=invoice.issued_at,
        due_on=invoice.due_on,
    )


def _issued(invoice: Invoice, cause: Cause) -> AuditEvent:
    after = {
        "number": invoice.name,
        "month": str(invoice.month),
        "billedTenants": invoice.billed_tenants,
        "total": str(invoice.total),
    }
    return cause.event(invoice.msp_id, "invoice.issued", after=after)
