"""Billing one MSP: invoices of closed months, payment reminders, and PDFs."""

import logging
from collections.abc import Awaitable, Callable

from billing.dunning import pursue_payments
from billing.invoice_pdfs import document_invoices
from billing.issue_invoices import issue_invoices
from billing.ports import BillingPorts
from core.fan_out import send_to_each_msp
from core.sweeps import for_each
from domain.audit import Cause
from domain.identifiers import MspId
from domain.work_queues import BILL_MSP
from telemetry import count

_log = logging.getLogger(__name__)

type Step = Callable[[BillingPorts, MspId, Cause], Awaitable[object]]


class BillingIncomplete(Exception):
    """A step of an MSP's billing failed. The log has the error, and the next run tries again."""


async def queue_billing(ports: BillingPorts) -> None:
    """Queue the billing of each MSP.

    Raises:
        MessagesNotSent: Some could not be queued; the next run does.
    """
    await send_to_each_msp(ports.msps, ports.queues, BILL_MSP)


async def bill_msp(ports: BillingPorts, msp_id: MspId, cause: Cause) -> None:
    """Issue an MSP's due invoices and take due dunning steps, then render missing PDFs.

    PDFs are rendered also when the first step fails, such as for an e-mail that is refused. Billing
    that succeeds is counted, so that an alert can detect when there is none.

    Raises:
        BillingIncomplete: A step failed.
    """

    def log(_: Step, error: Exception) -> None:
        _log.error("billing failed at MSP %s", msp_id, exc_info=error)

    async def run(step: Step) -> None:
        await step(ports, msp_id, cause)

    failed = await for_each((_charge, document_invoices), run, log, max_concurrent=1)
    if failed:
        raise BillingIncomplete(msp_id)
    count("invoice.runs")


async def _charge(ports: BillingPorts, msp_id: MspId, cause: Cause) -> None:
    issued = await issue_invoices(ports, msp_id, cause)
    if issued:
        count("invoices.issued", len(issued))
    await pursue_payments(ports, msp_id, cause)
