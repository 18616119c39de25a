"""What an MSP agreed to pay, from which month on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import MspId
from domain.month import Month
from domain.msp import Msp


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """A tier and what goes with it.

    Args:
        tier: Name of a `Tier`, as in `Msp`.
        agreed_price_cents: Price per tenant and month, for Enterprise Plus alone.
        annual_prepay: Whether the year is paid ahead, at a discount.
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
    """New terms from a month on. It is kept for ever; of two for a month the later one holds."""

    msp_id: MspId
    from_month: Month
    decided_at: datetime
    terms: BillingTerms


def terms_in(msp: Msp, changes: Iterable[TermsChange], month: Month) -> BillingTerms:
    """Return the terms of a month: of the last change up to it, else the first ones."""
    past = [change for change in changes if change.from_month <= month]
    if not past:
        return BillingTerms.first_of(msp)
    return max(past, key=lambda change: (change.from_month, change.decided_at)).terms
