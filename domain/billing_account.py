"""An MSP's billing account: which months are closed, and the counter of its invoices."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.identifiers import MspId
from domain.month import Month
from domain.msp import Msp


@dataclass(frozen=True, slots=True)
class BillingAccount:
    """The billing account's row, one per MSP.

    Issuing an invoice and converting a tenant (which drops usage) both replace this row, so the
    two cannot happen at the same time.

    Args:
        closed_through: The last month that was invoiced or had nothing to bill.
        issued: The number of invoices, which is also the number of the last one.
        documented: The PDFs of the invoices up to this number are stored.
    """

    msp_id: MspId
    closed_through: Month | None = None
    issued: int = 0
    documented: int = 0


def next_month(msp: Msp, account: BillingAccount | None) -> Month:
    """Return the first month that is not closed yet, starting with the month of onboarding."""
    if account and account.closed_through:
        return account.closed_through.next
    return Month.of(msp.onboarded_at, ZoneInfo(msp.time_zone))
