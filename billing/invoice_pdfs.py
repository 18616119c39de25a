"""The PDF of each issued invoice: rendered from its rows, stored once."""

import asyncio
import hashlib
from dataclasses import replace

from billing.ports import BillingPorts
from billing.read_inputs import read_head
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import InvoiceNotFound
from domain.identifiers import MspId
from domain.invoice import Invoice, invoice_name
from domain.ports.msp_store import MspHead
from domain.row_changes import Decision, Insert, Replace


async def document_invoices(ports: BillingPorts, msp_id: MspId, cause: Cause) -> int:
    """Store the PDF of every invoice without one, in order; return the number of invoices.

    A stored PDF is never changed. The account's row has the number of the last invoice with a
    PDF, so after a crash the next run continues there.
    """
    head = await ports.msps.head(msp_id)
    if head is None or head.account is None:
        return 0
    numbers = range(head.account.value.documented + 1, head.account.value.issued + 1)
    for number in numbers:
        invoice = await find_invoice(ports, msp_id, number)
        pdf = await stored_pdf(ports, invoice)
        await _note(ports, msp_id, number, hashlib.sha256(pdf).hexdigest(), cause)
    return len(numbers)


async def find_invoice(ports: BillingPorts, msp_id: MspId, number: int) -> Invoice:
    """Return an invoice by its number.

    Raises:
        InvoiceNotFound: There is none.
    """
    known = await ports.invoices.payment(msp_id, number)
    invoice = await ports.invoices.invoice(msp_id, known.value.month) if known else None
    if invoice is None:
        raise InvoiceNotFound("No such invoice.")
    return invoice


async def stored_pdf(ports: BillingPorts, invoice: Invoice) -> bytes:
    """Return an invoice's stored PDF; render and store it first if there is none."""
    found = await ports.documents.get(invoice.msp_id, invoice.name)
    if found is not None:
        return found
    lines = await ports.invoices.lines(invoice)
    # Rendering is CPU-bound; in a thread it does not block other invocations.
    pdf = await asyncio.to_thread(ports.renderer.pdf, invoice, lines)
    if await ports.documents.put(invoice.msp_id, invoice.name, pdf):
        return pdf
    return await ports.documents.get(invoice.msp_id, invoice.name) or pdf


async def _note(ports: BillingPorts, msp_id: MspId, number: int, digest: str, cause: Cause) -> None:
    """Record that a PDF is stored, with a digest that can prove that it is unchanged."""

    def decide(head: MspHead) -> Decision[None]:
        known = head.account
        if known is None or known.value.documented >= number:
            return Decision(None)
        after = {"number": invoice_name(number), "sha256": digest}
        event = cause.event(msp_id, "invoice.documented", after=after)
        account = replace(known.value, documented=number)
        return Decision(None, (Replace(account, known.version), Insert(event)))

    await decide_and_commit(lambda: read_head(ports.msps, msp_id), decide, ports.msps.commit)
