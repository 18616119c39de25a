"""A billing run: all MSPs, a few at a time; a failure of one MSP does not stop the others."""

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
    """Billing of some MSPs failed. The log has each error, and the next run tries again."""


async def run_billing(ports: BillingPorts, cause: Cause) -> None:
    """Issue due invoices and take due dunning steps for every MSP, then render missing PDFs.

    PDFs come last, since rendering takes longer than everything else. A successful run is
    counted, so that an alert can detect missing runs.

    Raises:
        RunIncomplete: Billing of some MSPs failed.
    """

    async def bill(msp_id: MspId) -> None:
        issued = await issue_invoices(ports, msp_id, cause)
        if issued:
            count("invoices.issued", len(issued))
        await pursue_payments(ports, msp_id, cause)

    async def document(msp_id: MspId) -> None:
        await document_invoices(ports, msp_id, cause)

    msp_ids = [msp_id async for msp_id in ports.msps.msp_ids()]
    # In random order, so that concurrent runs rarely process the same MSP at the same time.
    random.shuffle(msp_ids)
    failed = await _at_each(msp_ids, bill)
    failed |= await _at_each(msp_ids, document)
    if failed:
        raise RunIncomplete(f"billing failed at {len(failed)} MSPs")
    count("invoice.runs")


async def _at_each(msp_ids: list[MspId], act: Callable[[MspId], Awaitable[None]]) -> set[MspId]:
    """Act on every MSP, a few at once; return those where it failed."""

    def log(msp_id: MspId, error: Exception) -> None:
        _log.error("billing failed at MSP %s", msp_id, exc_info=error)

    return set(await for_each(msp_ids, act, log, max_concurrent=_MAX_CONCURRENT))
