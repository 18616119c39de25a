"""Dunning: reminders, their e-mails, and the suspension, by the calendar.

Example, for an invoice issued on 1 May that is not paid (its last day to pay is 15 May): e-mails on
2, 4 and 8 May ask for payment. On 16 May the MSP is suspended, and an e-mail says so. `payments`
has the rules.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from billing.emails import notice_of
from billing.payments import due_step, pursue
from billing.ports import BillingPorts
from billing.read_inputs import read_head
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import BillingEmailFailed
from domain.identifiers import MspId
from domain.invoice import Payment, invoice_name
from domain.msp import Msp
from domain.row_changes import Decision, Insert, Replace, Versioned

# Longer than an invocation can run: an e-mail that is not sent by then was lost in a crash.
_SENDING = timedelta(minutes=15)

type Standing = tuple[Versioned[Msp], Versioned[Payment] | None]


async def pursue_payments(ports: BillingPorts, msp_id: MspId, cause: Cause) -> int:
    """Take the due step for each unpaid invoice of an MSP; return the number of steps taken.

    The step is stored before its e-mail is sent. If a run crashes in between, a later run sends
    the e-mail; its key prevents a second delivery. An e-mail that is refused does not stop the
    steps and e-mails of the other invoices. A deleted MSP is skipped.

    Raises:
        BillingEmailFailed: An e-mail was not accepted; it is retried later.
    """
    unpaid = await ports.invoices.payments(msp_id, unpaid=True)
    if not unpaid:
        return 0
    msp, steps = (await read_head(ports.msps, msp_id)).msp.value, 0
    if msp.closed_at:
        return 0
    failures: list[BillingEmailFailed] = []
    for payment in (known.value for known in unpaid):
        taken = None
        if due_step(payment, msp, cause.at) > payment.dunning_step:
            taken = await _pursue(ports, msp_id, payment.number, cause)
            steps += taken is not None
        if taken or _was_lost(payment, cause.at):
            try:
                await _notify(ports, msp_id, taken or payment, cause)
            except BillingEmailFailed as error:
                failures.append(error)
    if failures:
        raise failures[-1]
    return steps


def _was_lost(payment: Payment, now: datetime) -> bool:
    at = payment.dunning_at
    return payment.notified_step < payment.dunning_step and at is not None and now - at > _SENDING


async def _pursue(ports: BillingPorts, msp_id: MspId, number: int, cause: Cause) -> Payment | None:
    return await decide_and_commit(
        lambda: _standing(ports, msp_id, number),
        lambda standing: pursue(*standing, cause),
        ports.msps.commit,
    )


async def _standing(ports: BillingPorts, msp_id: MspId, number: int) -> Standing:
    head = await read_head(ports.msps, msp_id)
    return head.msp, await ports.invoices.payment(msp_id, number)


async def _notify(ports: BillingPorts, msp_id: MspId, payment: Payment, cause: Cause) -> None:
    msp, current = await _standing(ports, msp_id, payment.number)
    if msp.value.closed_at or current is None or current.value.paid_at:
        return  # Since the step was taken, the invoice was paid or the MSP was deleted.
    await ports.emails.send(notice_of(msp.value, payment, ports.seller.name))

    def decide(standing: Standing) -> Decision[None]:
        known = standing[1]
        if known is None or known.value.notified_step >= payment.dunning_step:
            return Decision(None)
        after = {"number": invoice_name(payment.number), "day": payment.dunning_step}
        event = cause.event(msp_id, "invoice.notice_sent", after=after)
        notified = replace(known.value, notified_step=payment.dunning_step)
        return Decision(None, (Replace(notified, known.version), Insert(event)))

    await decide_and_commit(
        lambda: _standing(ports, msp_id, payment.number), decide, ports.msps.commit
    )
