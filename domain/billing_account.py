"""An MSP's billing account: which months are closed, and the counter of its invoices."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.identifiers import MspId
from domain.month import Month
from domain.msp import Msp


@dataclass(frozen=True, slots=True)
class BillingAccount:
    """One row per MSP. An invoice and a conversion that drops usage both replace it: never at once.

    Args:
        closed_through: The last month that is invoiced, or had nothing to bill.
        issued: How many invoices there are: the number of the last one.
        documented: Up to which number the invoices' PDFs are stored.
    """

    msp_id: MspId
    closed_through: Month | None = None
    issued: int = 0
    documented: int = 0


def next_month(msp: Msp, account: BillingAccount | None) -> Month:
    """Return the first month that is not closed yet, from the month of onboarding on."""
    if account and account.closed_through:
        return account.closed_through.next
    return Month.of(msp.onboarded_at, ZoneInfo(msp.time_zone))
