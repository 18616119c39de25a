"""Queries and answers of billing's routes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from billing.calculation import Charge
from billing.payments import is_overdue, today
from domain.invoice import CURRENCY, Invoice, InvoiceLine, InvoiceParty, Payment
from domain.msp import Msp, Tier
from edge.models import ApiModel, RequestModel, Timestamp

DISCOUNT = "Annual prepay discount 8.3 %"


class InvoiceStatus(StrEnum):
    """What became of an invoice."""

    ISSUED = "issued"
    PAID = "paid"
    OVERDUE = "overdue"


class PreviewQuery(RequestModel):
    """The month to preview; the present one in the MSP's time zone by default."""

    month: str | None = Field(None, max_length=7)


class LineAnswer(ApiModel):
    """One tenant's line; the discount's line has no tenant, and its text as the name."""

    tenant_id: str | None
    tenant_name: str
    active_days: int | None
    days_in_month: int | None
    amount: str

    @classmethod
    def all_of(cls, lines: Iterable[InvoiceLine], charge: Charge | Invoice) -> list[Self]:
        """Return an invoice's lines, with the discount as the last line if there is one."""
        shown = [
            cls(
                tenant_id=line.tenant_id,
                tenant_name=line.tenant_name,
                active_days=line.active_days,
                days_in_month=line.days_in_month,
                amount=str(line.amount),
            )
            for line in lines
        ]
        return shown + cls._discount(charge)

    @classmethod
    def _discount(cls, charge: Charge | Invoice) -> list[Self]:
        if not charge.discount:
            return []
        amount = str(charge.discount)
        line = cls(
            tenant_id=None,
            tenant_name=DISCOUNT,
            active_days=None,
            days_in_month=None,
            amount=amount,
        )
        return [line]


class PartyAnswer(ApiModel):
    """Seller or buyer."""

    name: str
    abn: str | None

    @classmethod
    def of(cls, party: InvoiceParty) -> Self:
        """Return a party's answer."""
        return cls(name=party.name, abn=party.abn)


class ProjectedAnswer(ApiModel):
    """What the month comes to if everything stays as it is until its end."""

    billed_tenants: int
    subtotal: str
    gst: str
    total: str


class PreviewAnswer(ApiModel):
    """The invoice as it would be now: without number, date of issue or status."""

    month: str
    currency: str = CURRENCY
    tier: Tier
    unit_price: str
    billed_tenants: int
    lines: list[LineAnswer]
    subtotal: str
    gst: str
    total: str
    seller: PartyAnswer
    buyer: PartyAnswer
    projected: ProjectedAnswer

    @classmethod
    def of(cls, charge: Charge, projected: Charge, seller: InvoiceParty, msp: Msp) -> Self:
        """Return the answer for a charge and its projection to the month's end."""
        return cls(
            month=str(charge.month),
            tier=charge.tier,
            unit_price=str(charge.unit_price),
            billed_tenants=len(charge.lines),
            lines=LineAnswer.all_of(charge.lines, charge),
            subtotal=str(charge.subtotal),
            gst=str(charge.gst),
            total=str(charge.total),
            seller=PartyAnswer.of(seller),
            buyer=PartyAnswer(name=msp.name, abn=msp.abn),
            projected=ProjectedAnswer(
                billed_tenants=len(projected.lines),
                subtotal=str(projected.subtotal),
                gst=str(projected.gst),
                total=str(projected.total),
            ),
        )


class InvoiceAnswer(ApiModel):
    """An issued invoice."""

    number: str
    month: str
    issued_at: Timestamp
    due_date: str
    currency: str = CURRENCY
    tier: Tier
    unit_price: str
    billed_tenants: int
    lines: list[LineAnswer]
    subtotal: str
    gst: str
    total: str
    status: InvoiceStatus
    paid_at: Timestamp | None
    seller: PartyAnswer
    buyer: PartyAnswer

    @classmethod
    def of(
        cls, invoice: Invoice, lines: Sequence[InvoiceLine], payment: Payment, status: InvoiceStatus
    ) -> Self:
        """Return an invoice's answer."""
        return cls(
            number=invoice.name,
            month=str(invoice.month),
            issued_at=invoice.issued_at,
            due_date=invoice.due_on.isoformat(),
            tier=invoice.tier,
            unit_price=str(invoice.unit_price),
            billed_tenants=invoice.billed_tenants,
            lines=LineAnswer.all_of(lines, invoice),
            subtotal=str(invoice.subtotal),
            gst=str(invoice.gst),
            total=str(invoice.total),
            status=status,
            paid_at=payment.paid_at,
            seller=PartyAnswer.of(invoice.seller),
            buyer=PartyAnswer.of(invoice.buyer),
        )


def status_of(payment: Payment, msp: Msp, now: datetime) -> InvoiceStatus:
    """Return the current status of an invoice."""
    if payment.paid_at:
        return InvoiceStatus.PAID
    overdue = is_overdue(payment, today(msp, now))
    return InvoiceStatus.OVERDUE if overdue else InvoiceStatus.ISSUED
