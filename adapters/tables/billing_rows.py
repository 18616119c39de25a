"""The rows of billing in the `msps` table: keys, and the way to an entity and back."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from azure.data.tables import EdmType, EntityProperty, TableEntity

from adapters.tables.access import as_utc
from adapters.tables.releases import known
from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange
from domain.identifiers import MspId, TenantId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, InvoiceParty, Payment
from domain.month import Month
from domain.msp import Tier
from domain.row_changes import BillingRow

ACCOUNT = "msp:billing"  # within the head's range: it is read along


def payment_key(number: int) -> str:
    """Return the row key of what became of an invoice."""
    return f"payment:{number:09d}"


def invoice_key(month: Month) -> str:
    """Return an invoice's row key: a month has one invoice by construction."""
    return f"invoice:{month}"


def lines_key(month: Month, line_set: str) -> str:
    """Return what the row keys of an invoice's lines begin with."""
    return f"invoice-lines:{month}:{line_set}"


def billing_key(row: BillingRow) -> str:
    """Return a row's key within its MSP."""
    match row:
        case BillingAccount():
            return ACCOUNT
        case TermsChange():
            return f"terms:{row.from_month}:{row.decided_at.isoformat()}"
        case Invoice():
            return invoice_key(row.month)
        case InvoiceLines():
            return f"{lines_key(row.month, row.line_set)}:{row.part:05d}"
        case Payment():
            return payment_key(row.number)


def billing_properties(row: BillingRow) -> dict[str, Any]:
    """Return a row's properties; money is in cents, since Tables know no decimals."""
    match row:
        case BillingAccount():
            through = str(row.closed_through) if row.closed_through else None
            return {
                "closed_through": through,
                "issued": row.issued,
                "documented": row.documented,
            }
        case TermsChange(terms=terms):
            return {
                "from_month": str(row.from_month),
                "decided_at": row.decided_at,
                "tier": str(terms.tier),
                "agreed_price_cents": terms.agreed_price_cents,
                "annual_prepay": terms.annual_prepay,
            }
        case Invoice():
            return _invoice_properties(row)
        case InvoiceLines():
            return {"lines": _lines_text(row.lines)}
        case Payment():
            return _payment_properties(row)


def _invoice_properties(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "month": str(invoice.month),
        "issued_at": invoice.issued_at,
        "due_on": invoice.due_on.isoformat(),
        "time_zone": invoice.time_zone,
        "tier": str(invoice.tier),
        "unit_price": _cents(invoice.unit_price),
        "billed_tenants": invoice.billed_tenants,
        "discount": _cents(invoice.discount),
        "subtotal": _cents(invoice.subtotal),
        "gst": _cents(invoice.gst),
        "seller": _party_text(invoice.seller),
        "buyer": _party_text(invoice.buyer),
        "line_set": invoice.line_set,
    }


def _payment_properties(payment: Payment) -> dict[str, Any]:
    return {
        "number": payment.number,
        "month": str(payment.month),
        "total": _cents(payment.total),
        "issued_at": payment.issued_at,
        "due_on": payment.due_on.isoformat(),
        "paid": payment.paid_at is not None,
        "paid_at": payment.paid_at,
        "pursued": payment.dunning_step,
        "pursued_at": payment.dunning_at,
        "noticed": payment.notified_step,
    }


def _cents(amount: Decimal) -> EntityProperty:
    """Return an amount as 64 bits of cents: 32 would end at 21 million."""
    cents = int(amount.scaleb(2))
    if Decimal(cents).scaleb(-2) != amount:
        raise ValueError("an amount has more than two decimals")
    return EntityProperty(cents, EdmType.INT64)


def _amount(value: Any) -> Decimal:
    cents = value.value if isinstance(value, EntityProperty) else value
    return Decimal(int(cents)).scaleb(-2)


def _party_text(party: InvoiceParty) -> str:
    return json.dumps([party.name, party.abn, party.address], ensure_ascii=False)


def _party(name: str, abn: str | None = None, address: str = "", *_: Any) -> InvoiceParty:
    return InvoiceParty(name, abn, address)


def _lines_text(lines: Iterable[InvoiceLine]) -> str:
    rows = [
        (line.tenant_id, line.tenant_name, line.active_days, int(line.amount.scaleb(2)))
        for line in lines
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def lines_from(entity: TableEntity, month: Month) -> tuple[InvoiceLine, ...]:
    """Read a part of an invoice's lines."""
    return tuple(
        InvoiceLine(TenantId(tenant_id), name, days, month.days, _amount(cents))
        for tenant_id, name, days, cents, *_ in json.loads(entity["lines"])
    )


def account_from(entity: TableEntity) -> BillingAccount:
    """Read an MSP's billing account."""
    through = entity.get("closed_through")
    return BillingAccount(
        msp_id=MspId(entity["PartitionKey"]),
        closed_through=Month.parse(through) if through else None,
        issued=entity["issued"],
        documented=entity["documented"],
    )


def terms_from(entity: TableEntity) -> TermsChange:
    """Read new terms."""
    terms = BillingTerms(entity["tier"], entity.get("agreed_price_cents"), entity["annual_prepay"])
    return TermsChange(
        MspId(entity["PartitionKey"]),
        Month.parse(entity["from_month"]),
        _moment(entity["decided_at"]),
        terms,
    )


def invoice_from(entity: TableEntity) -> Invoice:
    """Read an invoice's header."""
    return Invoice(
        msp_id=MspId(entity["PartitionKey"]),
        number=entity["number"],
        month=Month.parse(entity["month"]),
        issued_at=_moment(entity["issued_at"]),
        due_on=date.fromisoformat(entity["due_on"]),
        time_zone=entity["time_zone"],
        tier=known(Tier, entity["tier"]),
        unit_price=_amount(entity["unit_price"]),
        billed_tenants=entity["billed_tenants"],
        discount=_amount(entity["discount"]),
        subtotal=_amount(entity["subtotal"]),
        gst=_amount(entity["gst"]),
        seller=_party(*json.loads(entity["seller"])),
        buyer=_party(*json.loads(entity["buyer"])),
        line_set=entity["line_set"],
    )


def payment_from(entity: TableEntity) -> Payment:
    """Read what became of an invoice."""
    return Payment(
        msp_id=MspId(entity["PartitionKey"]),
        number=entity["number"],
        month=Month.parse(entity["month"]),
        total=_amount(entity["total"]),
        issued_at=_moment(entity["issued_at"]),
        due_on=date.fromisoformat(entity["due_on"]),
        paid_at=as_utc(entity.get("paid_at")),
        dunning_step=entity["pursued"],
        dunning_at=as_utc(entity.get("pursued_at")),
        notified_step=entity["noticed"],
    )


def _moment(value: datetime) -> datetime:
    return as_utc(value) or value
