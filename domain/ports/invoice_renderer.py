"""Rendering an invoice as a PDF."""

from collections.abc import Sequence
from typing import Protocol

from domain.invoice import Invoice, InvoiceLine


class InvoiceRenderer(Protocol):
    """Sets an invoice as a PDF: the same invoice gives the same bytes."""

    def pdf(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
        """Return the tax invoice."""
        ...
