"""The calculation of an invoice: a pure function without a clock, a store or a number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from billing.price_list import tier_of, unit_price
from billing.proration import active_days
from domain.billing_terms import BillingTerms
from domain.identifiers import TenantId
from domain.invoice import InvoiceLine
from domain.month import Month
from domain.msp import Msp, Tier
from domain.usage import TenantUsage

_CENT = Decimal("0.01")
_NOTHING = Decimal("0.00")
_GST = Decimal("0.10")
_PREPAY_DISCOUNT = Decimal("0.083")


@dataclass(frozen=True, slots=True)
class Charge:
    """What an MSP owes for a month, in AUD.

    Args:
        discount: The discount for annual prepayment, a separate line; zero or negative.
    """

    month: Month
    tier: Tier
    unit_price: Decimal
    lines: tuple[InvoiceLine, ...]
    discount: Decimal
    subtotal: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        """Subtotal and GST."""
        return self.subtotal + self.gst


def rounded(amount: Decimal) -> Decimal:
    """Round to the cent, half up; amounts are rounded nowhere else."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def calculate(  # noqa: PLR0913  everything that an invoice depends on
    msp: Msp,
    terms: BillingTerms,
    usages: Iterable[TenantUsage],
    partner_tenant: TenantId | None,
    month: Month,
    now: datetime,
) -> Charge:
    """Calculate an MSP's charge for a month.

    Args:
        terms: The terms for the month.
        usages: The usage of every current and former tenant of the MSP, one entry each.
        partner_tenant: The MSP's own tenant according to the current flag: it is never billed,
            even if it was a customer earlier in the month.
        now: Open usage is cut here. The usage of a deleted MSP ends at the deletion, no matter
            how long the removal of its tenants takes.
    """
    now, zone = min(now, msp.closed_at or now), ZoneInfo(msp.time_zone)
    price = unit_price(terms)
    billed = (usage for usage in usages if usage.tenant_id != partner_tenant)
    days = {usage: active_days(usage.periods, month, zone, now) for usage in billed}
    lines = _lines(days, price, month)
    tenants = sum((line.amount for line in lines), _NOTHING)
    discount = _NOTHING - rounded(tenants * _PREPAY_DISCOUNT) if terms.annual_prepay else _NOTHING
    subtotal = tenants + discount
    # https://www.ato.gov.au/businesses-and-organisations/gst-excise-and-indirect-taxes/gst
    gst = rounded(subtotal * _GST) if msp.country == "AU" else _NOTHING
    return Charge(month, tier_of(terms), price, tuple(lines), discount, subtotal, gst)


def _lines(days: Mapping[TenantUsage, int], price: Decimal, month: Month) -> list[InvoiceLine]:
    """Return a line for each tenant that was active in the month, sorted by name."""
    lines = [_line(usage, active, month, price) for usage, active in days.items() if active]
    return sorted(lines, key=lambda line: (line.tenant_name.casefold(), line.tenant_id))


def _line(usage: TenantUsage, days: int, month: Month, price: Decimal) -> InvoiceLine:
    amount = rounded(price * days / month.days)
    return InvoiceLine(usage.tenant_id, usage.tenant_name, days, month.days, amount)
