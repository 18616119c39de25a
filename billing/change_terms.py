"""Changing an MSP's terms: from the next month on, so that each month has only one price."""

from typing import Any
from zoneinfo import ZoneInfo

from billing.preview import projected
from billing.price_list import eligibility_warning, tier_of
from billing.read_inputs import read_head, read_inputs
from domain.audit import Cause
from domain.billing_terms import BillingTerms, TermsChange, terms_in
from domain.identifiers import MspId
from domain.month import Month
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspStore
from domain.row_changes import Insert, RowChange


async def change_terms(
    msps: MspStore, invoices: InvoiceStore, msp_id: MspId, terms: BillingTerms, cause: Cause
) -> tuple[Month, str | None]:
    """Set an MSP's terms from the next month on.

    Returns:
        The first month that they apply to, and a warning if the MSP has too few tenants.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    books = await read_inputs(msps, invoices, await read_head(msps, msp_id))
    msp = books.head.msp.value
    month = Month.of(cause.at, ZoneInfo(msp.time_zone)).next
    before = terms_in(msp, books.terms, month)
    if before != terms:
        await msps.commit(_changed(TermsChange(msp_id, month, cause.at, terms), before, cause))
    tenants = len(projected(books, month.plus(-1), cause.at).lines)
    return month, eligibility_warning(tier_of(terms), tenants)


def _changed(change: TermsChange, before: BillingTerms, cause: Cause) -> tuple[RowChange, ...]:
    event = cause.event(
        change.msp_id,
        "billing.terms_changed",
        before=_described(before),
        after={**_described(change.terms), "fromMonth": str(change.from_month)},
    )
    return (Insert(change), Insert(event))


def _described(terms: BillingTerms) -> dict[str, Any]:
    return {
        "tier": str(terms.tier),
        "agreedPriceCents": terms.agreed_price_cents,
        "annualPrepay": terms.annual_prepay,
    }
