"""The tier list: the price per tenant and month, and the minimum number of tenants of a tier.

Example: 12 tenants, each active for all of a month, on Professional cost 12 x 49.00 = 588.00 AUD
without GST. With 9 tenants the price is still 49.00: the invoice is 9 x 49.00 = 441.00 AUD, and the
operator gets a warning, since the tier's minimum is 10.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.billing_terms import BillingTerms
from domain.errors import StorageUnavailable
from domain.msp import Tier


@dataclass(frozen=True, slots=True)
class TierTerms:
    """A line of the tier list.

    Args:
        price: AUD per tenant and month, or None if it is agreed with each MSP.
        minimum: The number of tenants from which the tier may be chosen. It is not a minimum
            charge: only the actual tenants are billed.
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
    """Return the tier of the terms.

    Raises:
        StorageUnavailable: Another release introduced the tier. No price is guessed: billing of
            this MSP waits, and nothing else is affected.
    """
    if terms.tier not in Tier:
        raise StorageUnavailable("The terms were written by another release.")
    return Tier(terms.tier)


def unit_price(terms: BillingTerms) -> Decimal:
    """Return the price per tenant and month.

    Professional returns 49.00. Enterprise Plus with 2450 agreed cents returns 24.50.
    """
    price = TIERS[tier_of(terms)].price
    return Decimal(terms.agreed_price_cents or 0).scaleb(-2) if price is None else price


def eligibility_warning(tier: Tier, tenants: int) -> str | None:
    """Return a warning for the operator if an MSP has too few tenants for its tier.

    Args:
        tenants: The number of billed customer tenants, without the partner tenant.
    """
    minimum = TIERS[tier].minimum
    if tenants >= minimum:
        return None
    return f"{tenants} tenants are below the minimum of {minimum} for the tier {tier}."
