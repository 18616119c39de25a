"""The list of invoices, each with its lines and what became of it."""

import asyncio
from collections.abc import Sequence

from billing.ports import BillingPorts
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, Payment
from domain.ports.page import Page

# An answer with more invoices than this at a time, each of thousands of lines, fits no memory.
_MOST = 24

type Shown = tuple[Invoice, Sequence[InvoiceLine], Payment]


async def list_invoices(
    ports: BillingPorts, msp_id: MspId, page_size: int, token: str | None
) -> Page[Shown]:
    """Return a page of an MSP's invoices, oldest first, two years' worth at most.

    Raises:
        MalformedInput: The token is none that a page gave.
    """
    page = await ports.invoices.invoices(msp_id, min(page_size, _MOST), token)
    if not page.items:
        return Page((), page.next_token)
    numbers = [invoice.number for invoice in page.items]
    payments = await ports.invoices.payments(msp_id, min(numbers), max(numbers))
    lines = await asyncio.gather(*map(ports.invoices.lines, page.items))
    found = {known.value.number: known.value for known in payments}
    shown = zip(page.items, lines, strict=True)
    return Page(
        tuple((invoice, own, found[invoice.number]) for invoice, own in shown), page.next_token
    )
