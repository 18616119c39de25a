"""The rules of payment: when to ask for it, when to suspend an MSP, when to lift a suspension.

Days are calendar days in the MSP's billing time zone, counted from the day of issue. Example, for
an invoice issued on 1 May (DAYS_TO_PAY is 14, so that `due_on` is 15 May):

    1 May    issued, at any time of day: no step is due
    2 May    step 1: payment is asked for
    4 May    step 3: again
    8 May    step 7: again
    15 May   the last day to pay: no new step
    16 May   step SUSPENSION: day 14 is over, the invoice is overdue, the MSP is suspended

If no run takes place from 2 to 8 May, the run on 9 May takes step 7 only and sends one e-mail.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from domain.audit import Cause
from domain.errors import InvoiceNotFound
from domain.invoice import Payment, invoice_name
from domain.msp import Msp
from domain.row_changes import Decision, Insert, Replace, RowChange, Versioned

RETRY_DAYS = (1, 3, 7)
SUSPENSION = 14


def today(msp: Msp, now: datetime) -> date:
    """Return the current day in the MSP's billing time zone."""
    return now.astimezone(ZoneInfo(msp.time_zone)).date()


def is_overdue(payment: Payment, day: date) -> bool:
    """Return whether the last day to pay has passed without payment."""
    return payment.paid_at is None and day > payment.due_on


def due_step(payment: Payment, msp: Msp, now: datetime) -> int:
    """Return the latest due step: one of RETRY_DAYS, SUSPENSION, or 0.

    A late run takes only the latest step, so that an MSP does not get several e-mails at once.
    """
    day = today(msp, now)
    if is_overdue(payment, day):
        return SUSPENSION
    days = (day - today(msp, payment.issued_at)).days
    return max((retry for retry in RETRY_DAYS if retry <= days), default=0)


def pursue(
    msp: Versioned[Msp], known: Versioned[Payment] | None, cause: Cause
) -> Decision[Payment | None]:
    """Decide the next dunning step of an invoice, if one is due.

    No step is due if the invoice is paid or the MSP was deleted.

    A suspension replaces the MSP's row even if the MSP is already suspended. So a concurrent
    payment of another invoice, which would lift the suspension, has to decide again.
    """
    if known is None or known.value.paid_at or msp.value.closed_at:
        return Decision(None)
    payment, step = known.value, due_step(known.value, msp.value, cause.at)
    if step <= payment.dunning_step:
        return Decision(None)
    changed = replace(payment, dunning_step=step, dunning_at=cause.at)
    operations: tuple[RowChange, ...] = (Replace(changed, known.version),)
    if step == SUSPENSION:
        return Decision(changed, operations + _suspended(msp, payment, cause))
    after = {"number": invoice_name(payment.number), "day": step}
    event = cause.event(payment.msp_id, "invoice.payment_retried", after=after)
    return Decision(changed, (*operations, Insert(event)))


def _suspended(known: Versioned[Msp], payment: Payment, cause: Cause) -> tuple[RowChange, ...]:
    msp = known.value
    since = msp.suspended_at or cause.at
    after = {"number": invoice_name(payment.number), "suspendedAt": since.isoformat()}
    event = cause.event(msp.msp_id, "msp.suspended", after=after)
    return (Replace(replace(msp, suspended_at=since), known.version), Insert(event))


def pay(
    msp: Versioned[Msp],
    known: Versioned[Payment] | None,
    unpaid: Iterable[Versioned[Payment]],
    cause: Cause,
) -> Decision[bool]:
    """Decide that an invoice is paid; the result is False if it was already paid.

    A suspension ends when no overdue invoice is left. The MSP's row is always replaced. So of two
    concurrent payments, or of a payment and a suspension, the second takes the first into account.

    Args:
        unpaid: All unpaid invoices of the MSP, including this one.

    Raises:
        InvoiceNotFound: There is no such invoice.
    """
    if known is None:
        raise InvoiceNotFound("No such invoice.")
    payment = known.value
    if payment.paid_at:
        return Decision(result=False)
    paid = Replace(replace(payment, paid_at=cause.at), known.version)
    after = {"number": invoice_name(payment.number), "total": str(payment.total)}
    event = Insert(cause.event(payment.msp_id, "invoice.paid", after=after))
    others = (one.value for one in unpaid if one.value.number != payment.number)
    return Decision(True, (paid, event, *_lift_suspension(msp, others, cause)))  # noqa: FBT003  the docstring explains the result


def _lift_suspension(
    known: Versioned[Msp], unpaid: Iterable[Payment], cause: Cause
) -> tuple[RowChange, ...]:
    """Return the MSP's row after a payment: no longer suspended if no other invoice is overdue."""
    msp, day = known.value, today(known.value, cause.at)
    overdue = any(one.dunning_step >= SUSPENSION or is_overdue(one, day) for one in unpaid)
    if overdue or not msp.suspended_at:
        return (Replace(msp, known.version),)
    event = cause.event(msp.msp_id, "msp.resumed")
    return (Replace(replace(msp, suspended_at=None), known.version), Insert(event))
