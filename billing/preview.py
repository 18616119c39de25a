"""The preview: an invoice as it would be now, and as projected to the month's end."""

from datetime import datetime
from zoneinfo import ZoneInfo

from billing.calculation import Charge, calculate
from billing.inputs import BillingInputs
from domain.billing_terms import terms_in
from domain.month import Month


def to_date(books: BillingInputs, month: Month, now: datetime) -> Charge:
    """Return an MSP's charge for a month up to now."""
    msp = books.head.msp.value
    terms = terms_in(msp, books.terms, month)
    return calculate(msp, terms, books.usages, books.partner_tenant, month, now)


def projected(books: BillingInputs, month: Month, now: datetime) -> Charge:
    """Return the charge if every tenant that is active now stays active until the month's end."""
    end = month.end(ZoneInfo(books.head.msp.value.time_zone))
    return to_date(books, month, max(now, end))
