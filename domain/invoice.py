"""Invoices: issued once and never changed. Payments are stored in rows of their own."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from domain.identifiers import MspId, TenantId
from domain.month import Month
from domain.msp import Tier

CURRENCY = "AUD"
_NUMBER = re.compile(r"M365-INV-([0-9]{4,9})\Z")
# A property of a row holds 32 Ki UTF-16 units. JSON escapes characters: one of a name may take
# six bytes on the wire, and a control character six units in the row.
_LARGEST_PART = 30_000
_LINE, _ASCII, _OTHER = 90, 2, 12


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One tenant's share of an invoice. It contains the name, since the tenant may be deleted."""

    tenant_id: TenantId
    tenant_name: str
    active_days: int
    days_in_month: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceParty:
    """The seller or the buyer as printed on the invoice.

    Args:
        abn: Digits only, or None for a buyer outside Australia.
        address: Lines of the postal address, or empty.
    """

    name: str
    abn: str | None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An issued invoice without its lines.

    Args:
        number: Counted per MSP, from 1 without gaps.
        due_on: The last day to pay, in the MSP's billing time zone.
        billed_tenants: The number of lines.
        discount: The discount for annual prepayment; zero or negative.
        line_set: Identifies the set of stored lines that belongs to the invoice.
    """

    msp_id: MspId
    number: int
    month: Month
    issued_at: datetime
    due_on: date
    time_zone: str
    tier: Tier
    unit_price: Decimal
    billed_tenants: int
    discount: Decimal
    subtotal: Decimal
    gst: Decimal
    seller: InvoiceParty
    buyer: InvoiceParty
    line_set: str

    @property
    def total(self) -> Decimal:
        """Subtotal and GST."""
        return self.subtotal + self.gst

    @property
    def name(self) -> str:
        """The printed number, such as `M365-INV-0001`."""
        return invoice_name(self.number)


@dataclass(frozen=True, slots=True)
class InvoiceLines:
    """A part of an invoice's lines, as many as fit into one row.

    Args:
        line_set: Digest of all lines, so that the lines of two attempts for one month never mix.
    """

    msp_id: MspId
    month: Month
    line_set: str
    part: int
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, slots=True)
class Payment:
    """The payment state of an invoice.

    Args:
        dunning_step: Day of the last dunning step taken: 1, 3, 7, or 14 for the suspension.
        dunning_at: When that step was stored.
        notified_step: Day of the last step whose e-mail was sent, so that a crash between the step
            and its e-mail does not lose the e-mail.
    """

    msp_id: MspId
    number: int
    month: Month
    total: Decimal
    issued_at: datetime
    due_on: date
    paid_at: datetime | None = None
    dunning_step: int = 0
    dunning_at: datetime | None = None
    notified_step: int = 0


def invoice_name(number: int) -> str:
    """Return an invoice's printed number, such as `M365-INV-0001`."""
    return f"M365-INV-{number:04d}"


def parse_invoice_name(text: str) -> int | None:
    """Return the count in a printed invoice number, or None if the text is not one."""
    found = _NUMBER.match(text)
    number = int(found[1]) if found else 0
    return number if number and invoice_name(number) == text else None


def line_parts(msp_id: MspId, month: Month, lines: Iterable[InvoiceLine]) -> list[InvoiceLines]:
    """Return the lines in parts that each fit into a row, all with the digest of all lines."""
    parts = list(_cut(lines))
    digest = hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=12)
    return [
        InvoiceLines(msp_id, month, digest.hexdigest(), number, part)
        for number, part in enumerate(parts)
    ]


def _cut(lines: Iterable[InvoiceLine]) -> Iterator[tuple[InvoiceLine, ...]]:
    part: list[InvoiceLine] = []
    size = 0
    for line in lines:
        is_plain = line.tenant_name.isascii() and line.tenant_name.isprintable()
        wide = _ASCII if is_plain else _OTHER
        weight = _LINE + wide * len(line.tenant_name)
        if part and size + weight > _LARGEST_PART:
            yield tuple(part)
            part, size = [], 0
        part.append(line)
        size += weight
    if part:
        yield tuple(part)
