"""The tier list: what a tenant costs in a month, and from how many tenants a tier may be chosen."""

from dataclasses import dataclass
from decimal import Decimal

from domain.billing_terms import BillingTerms
from domain.errors import StorageUnavailable
from domain.msp import Tier


@dataclass(frozen=True, slots=True)
class TierTerms:
    """A line of the tier list.

    Args:
        price: AUD per tenant and month, or None where it is agreed per MSP.
        minimum: From how many tenants the tier may be chosen. It is no floor on an invoice.
    """

    price: Decimal | None
    minimum: int


TIERS = {
    Tier.PROFESSIONAL: TierTerms(Decimal("49.00"), 10),
    Tier.BUSINESS: TierTerms(Decimal("39.00"), 51),
    Tier.ENTERPRISE: TierTerms(Decimal("29.00"), 201),
    Tier.ENTERPRISE_PLUS: TierTerms(None, 501),
}


def tier_of(terms: BillingTerms) -> Tier:
    """Return the tier of terms.

    Raises:
        StorageUnavailable: Another release brought it. No price is guessed: this MSP's billing
            waits, and nothing else does.
    """
    if terms.tier not in Tier:
        raise StorageUnavailable("The terms were written by another release.")
    return Tier(terms.tier)


def unit_price(terms: BillingTerms) -> Decimal:
    """Return the price per tenant and month."""
    price = TIERS[tier_of(terms)].price
    return Decimal(terms.agreed_price_cents or 0).scaleb(-2) if price is None else price


def eligibility_warning(tier: Tier, tenants: int) -> str | None:
    """Return what an operator is told of an MSP that has too few tenants for its tier.

    Args:
        tenants: Billed customer tenants; the partner tenant is none of them.
    """
    minimum = TIERS[tier].minimum
    if tenants >= minimum:
        return None
    return f"{tenants} tenants are below the minimum of {minimum} for the tier {tier}."
