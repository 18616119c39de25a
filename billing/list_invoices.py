"""The list of invoices, each with its lines and its payment state."""

import asyncio
from collections.abc import Sequence

from billing.ports import BillingPorts
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, Payment
from domain.ports.page import Page

# More invoices at a time, each with thousands of lines, would not fit into memory.
_MOST = 24

type Shown = tuple[Invoice, Sequence[InvoiceLine], Payment]


async def list_invoices(
    ports: BillingPorts, msp_id: MspId, page_size: int, token: str | None
) -> Page[Shown]:
    """Return a page of an MSP's invoices, oldest first, at most two years' invoices.

    Raises:
        MalformedInput: The token is not one from an earlier page.
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
