"""The terms that an MSP agreed to, and the month from which they apply."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import MspId
from domain.month import Month
from domain.msp import Msp


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """A tier, and the price and payment terms that belong to it.

    Args:
        tier: Name of a `Tier`, as in `Msp`.
        agreed_price_cents: Price per tenant and month; Enterprise Plus only.
        annual_prepay: Whether the year is paid in advance, at a discount.
    """

    tier: str
    agreed_price_cents: int | None = None
    annual_prepay: bool = False

    @classmethod
    def first_of(cls, msp: Msp) -> "BillingTerms":
        """Return the terms that the MSP was onboarded with."""
        return cls(msp.tier, msp.agreed_price_cents, msp.annual_prepay)


@dataclass(frozen=True, slots=True)
class TermsChange:
    """New terms that apply from a month on.

    Changes are never deleted. Of two changes for one month, the later decision applies.
    """

    msp_id: MspId
    from_month: Month
    decided_at: datetime
    terms: BillingTerms


def terms_in(msp: Msp, changes: Iterable[TermsChange], month: Month) -> BillingTerms:
    """Return the terms of a month: those of the latest change up to it, else the first terms."""
    past = [change for change in changes if change.from_month <= month]
    if not past:
        return BillingTerms.first_of(msp)
    return max(past, key=lambda change: (change.from_month, change.decided_at)).terms
