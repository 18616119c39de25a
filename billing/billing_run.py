"""A billing run: every MSP, a few at once; one MSP's trouble never holds up another's."""

import logging
import random
from collections.abc import Awaitable, Callable

from billing.dunning import pursue_payments
from billing.invoice_pdfs import document_invoices
from billing.issue_invoices import issue_invoices
from billing.ports import BillingPorts
from core.sweeps import for_each
from domain.audit import Cause
from domain.identifiers import MspId
from telemetry import count

_log = logging.getLogger(__name__)
_MAX_CONCURRENT = 8


class RunIncomplete(Exception):
    """Some MSPs' billing failed; the log has each one's error, and the next run goes on."""


async def run_billing(ports: BillingPorts, cause: Cause) -> None:
    """Issue what is due and pursue what is unpaid at every MSP, then set the missing PDFs.

    Numbers and due dates come first: setting pages takes longer than all the rest. A run that
    ended well is counted, and missed when there is none.

    Raises:
        RunIncomplete: Some MSPs' billing failed.
    """

    async def bill(msp_id: MspId) -> None:
        issued = await issue_invoices(ports, msp_id, cause)
        if issued:
            count("invoices.issued", len(issued))
        await pursue_payments(ports, msp_id, cause)

    async def document(msp_id: MspId) -> None:
        await document_invoices(ports, msp_id, cause)

    msp_ids = [msp_id async for msp_id in ports.msps.msp_ids()]
    # Runs at once take different ways, and meet at few MSPs.
    random.shuffle(msp_ids)
    failed = await _at_each(msp_ids, bill)
    failed |= await _at_each(msp_ids, document)
    if failed:
        raise RunIncomplete(f"billing failed at {len(failed)} MSPs")
    count("invoice.runs")


async def _at_each(msp_ids: list[MspId], act: Callable[[MspId], Awaitable[None]]) -> set[MspId]:
    """Act on every MSP, a few at once; return those where it failed."""
    failures = await for_each(msp_ids, act, max_concurrent=_MAX_CONCURRENT)
    for msp_id, error in failures:
        _log.error("billing failed at MSP %s", msp_id, exc_info=error)
    return {msp_id for msp_id, _ in failures}
