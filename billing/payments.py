"""Payment's rules: when it is asked for, when an MSP is suspended, and what lifts that."""

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
    """Return the day that it is where the MSP is billed."""
    return now.astimezone(ZoneInfo(msp.time_zone)).date()


def is_overdue(payment: Payment, day: date) -> bool:
    """Tell whether the last day to pay has passed without payment."""
    return payment.paid_at is None and day > payment.due_on


def due_step(payment: Payment, msp: Msp, now: datetime) -> int:
    """Return the latest step that is due: a day of retry, SUSPENSION, or 0.

    A run that comes late takes the latest step alone: nobody is asked three times at once.
    """
    day = today(msp, now)
    if is_overdue(payment, day):
        return SUSPENSION
    days = (day - today(msp, payment.issued_at)).days
    return max((retry for retry in RETRY_DAYS if retry <= days), default=0)


def pursue(
    msp: Versioned[Msp], known: Versioned[Payment] | None, cause: Cause
) -> Decision[Payment | None]:
    """Decide the next step towards payment of an invoice, if one is due.

    There is none when it is paid, nor when the MSP was deleted.

    The MSP's row is replaced with a suspension even when the MSP is suspended already, so that a
    payment of another invoice that lifts it meanwhile decides anew.
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
    """Decide that an invoice is paid; the result tells whether that is news.

    A suspension ends with the last invoice that is overdue. The MSP's row is replaced in any
    case, so that of two payments at once, or of a payment and a suspension, the second sees
    the first.

    Args:
        unpaid: All unpaid invoices of the MSP, this one among them.

    Raises:
        InvoiceNotFound: There is no such invoice.
    """
    if known is None:
        raise InvoiceNotFound("No such invoice.")
    payment = known.value
    if payment.paid_at:
        return Decision(False)  # noqa: FBT003  the result's meaning is told above
    paid = replace(payment, paid_at=cause.at)
    after = {"number": invoice_name(payment.number), "total": str(payment.total)}
    event = cause.event(payment.msp_id, "invoice.paid", after=after)
    others = (one.value for one in unpaid if one.value.number != payment.number)
    operations = (
        Replace(paid, known.version),
        Insert(event),
        *_lift_suspension(msp, others, cause),
    )
    return Decision(True, operations)  # noqa: FBT003  likewise


def _lift_suspension(
    known: Versioned[Msp], unpaid: Iterable[Payment], cause: Cause
) -> tuple[RowChange, ...]:
    """Return the MSP's row as it is after a payment: not suspended when none is overdue."""
    msp, day = known.value, today(known.value, cause.at)
    overdue = any(one.dunning_step >= SUSPENSION or is_overdue(one, day) for one in unpaid)
    if overdue or not msp.suspended_at:
        return (Replace(msp, known.version),)
    event = cause.event(msp.msp_id, "msp.resumed")
    return (Replace(replace(msp, suspended_at=None), known.version), Insert(event))
