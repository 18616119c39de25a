"""Rendering an invoice as a PDF."""

from collections.abc import Sequence
from typing import Protocol

from domain.invoice import Invoice, InvoiceLine


class InvoiceRenderer(Protocol):
    """Renders an invoice as a PDF; the same invoice results in the same bytes."""

    def pdf(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
        """Return the tax invoice as a PDF."""
        ...
