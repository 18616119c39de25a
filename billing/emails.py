"""The texts of the e-mails about unpaid invoices."""

from billing.payments import SUSPENSION
from domain.invoice import CURRENCY, Payment, invoice_name
from domain.msp import Msp
from domain.ports.billing_emails import BillingEmail, NoticeKind

_DUE = """\
Invoice {number} of {seller} over {currency} {total} was issued to {buyer} for {month}.
It is not paid yet. Please pay it by {due}, or access to Manage365 is suspended after that day.
"""
_SUSPENDED = """\
Invoice {number} of {seller} over {currency} {total}, due on {due}, is not paid.
{buyer}'s access to Manage365 is suspended, billing excepted. Sync and scans go on.
Payment lifts the suspension at once.
"""


def notice_of(msp: Msp, payment: Payment, seller: str) -> BillingEmail:
    """Return the e-mail that belongs to the last dunning step taken."""
    number = invoice_name(payment.number)
    suspended = payment.dunning_step == SUSPENSION
    kind = NoticeKind.SUSPENDED if suspended else NoticeKind.PAYMENT_DUE
    text = (_SUSPENDED if suspended else _DUE).format(
        number=number,
        seller=seller,
        currency=CURRENCY,
        total=payment.total,
        buyer=msp.name,
        month=payment.month,
        due=payment.due_on.isoformat(),
    )
    subject = f"Access suspended: invoice {number}" if suspended else f"Invoice {number} is due"
    key = f"{msp.msp_id}:{number}:{payment.dunning_step}"
    return BillingEmail(kind, msp.msp_id, msp.billing_email, subject, text, key)
