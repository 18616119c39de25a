"""Pursuing payment: retries, their notices, and the suspension, as the clock has it."""

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

# Longer than an invocation lives: a notice that is not sent by then was lost with its sender.
_SENDING = timedelta(minutes=15)

type Standing = tuple[Versioned[Msp], Versioned[Payment] | None]


async def pursue_payments(ports: BillingPorts, msp_id: MspId, cause: Cause) -> int:
    """Take the step that is due for each unpaid invoice of an MSP; return how many were taken.

    The step is on record before its notice is sent. A notice whose sender died is sent by a
    later run; its key keeps it from being delivered twice. One that is not taken holds up
    neither the other invoices' steps nor their notices. An MSP that was deleted is not pursued:
    nobody is there any more.

    Raises:
        NoticeFailed: A notice was not taken; it is tried again later.
    """
    unpaid = await ports.invoices.payments(msp_id, unpaid=True)
    if not unpaid:
        return 0
    msp, steps = (await read_head(ports.msps, msp_id)).msp.value, 0
    if msp.closed_at:
        return 0
    failure: BillingEmailFailed | None = None
    for known in unpaid:
        payment, taken = known.value, None
        if due_step(payment, msp, cause.at) > payment.dunning_step:
            taken = await _pursue(ports, msp_id, payment.number, cause)
            steps += taken is not None
        if taken or _was_lost(payment, cause.at):
            try:
                await _notify(ports, msp_id, taken or payment, cause)
            except BillingEmailFailed as error:
                failure = error
    if failure:
        raise failure
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
        return  # It was paid since the step was taken, and the MSP perhaps deleted.
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
