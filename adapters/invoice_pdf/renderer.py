"""Rendering of tax invoices. The PDF library is loaded at first use, not in a cold start."""

from collections.abc import Sequence
from typing import override

from domain.invoice import Invoice, InvoiceLine
from domain.ports.invoice_renderer import InvoiceRenderer


class PdfInvoiceRenderer(InvoiceRenderer):
    """InvoiceRenderer with fpdf2.

    Args:
        payment_details: Payment instructions, printed on each invoice; lines of text, or empty.
    """

    def __init__(self, payment_details: str = "") -> None:
        self._payment_details = payment_details

    @override
    def pdf(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
        from adapters.invoice_pdf.document import tax_invoice  # noqa: PLC0415  slow to load

        return tax_invoice(invoice, lines, self._payment_details)
