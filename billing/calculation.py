"""The invoice as a function: inputs in, invoice out. No clock, no store, no number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from billing.proration import Month, active_days
from domain.identifiers import TenantId
from domain.msp import Msp, Tier
from domain.usage import TenantUsage

_PRICES = {
    Tier.PROFESSIONAL: Decimal(49),
    Tier.BUSINESS: Decimal(39),
    Tier.ENTERPRISE: Decimal(29),
}
_CENT = Decimal("0.01")
_GST = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One tenant's share of an invoice. It names the tenant, and so outlives it."""

    tenant_id: TenantId
    tenant_name: str
    active_days: int
    days_in_month: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """What an MSP owes for a month, in AUD."""

    month: Month
    tier: Tier
    unit_price: Decimal
    lines: tuple[InvoiceLine, ...]
    subtotal: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        """Subtotal and GST."""
        return self.subtotal + self.gst


def rounded(amount: Decimal) -> Decimal:
    """Round to the cent, half up: the one place that rounds."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def unit_price(msp: Msp) -> Decimal:
    """Return the MSP's price per tenant and month."""
    if msp.tier is Tier.ENTERPRISE_PLUS:
        return Decimal(msp.agreed_price_cents or 0) / 100
    return _PRICES[msp.tier]


def calculate(
    msp: Msp,
    usages: Iterable[TenantUsage],
    partner_tenant: TenantId | None,
    month: Month,
    now: datetime,
) -> Charge:
    """Calculate an MSP's charge for a month.

    Args:
        usages: The usage of every tenant that the MSP has or had, one each.
        partner_tenant: The MSP's own tenant as the flag stands now: it is never billed,
            whatever it was earlier in the month.
        now: Where usage that still goes on is cut.
    """
    zone, price = ZoneInfo(msp.time_zone), rounded(unit_price(msp))
    lines = sorted(
        (
            _line(usage, days, month, price)
            for usage in usages
            if usage.tenant_id != partner_tenant
            and (days := active_days(usage.stretches, month, zone, now))
        ),
        key=lambda line: (line.tenant_name.casefold(), line.tenant_id),
    )
    subtotal = sum((line.amount for line in lines), Decimal("0.00"))
    gst = rounded(subtotal * _GST) if msp.country == "AU" else Decimal("0.00")
    return Charge(month, msp.tier, price, tuple(lines), subtotal, gst)


def _line(usage: TenantUsage, days: int, month: Month, price: Decimal) -> InvoiceLine:
    amount = rounded(price * days / month.days)
    return InvoiceLine(usage.tenant_id, usage.tenant_name, days, month.days, amount)
