"""Stored invoices."""

from collections.abc import Sequence
from typing import Protocol

from domain.billing_terms import TermsChange
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, Payment
from domain.month import Month
from domain.ports.page import Page
from domain.row_changes import Versioned


class InvoiceStore(Protocol):
    """The rows of billing in the `msps` table. They are written by MspStore's transactions."""

    async def terms(self, msp_id: MspId) -> Sequence[TermsChange]:
        """Return every change of an MSP's terms, in the order of their months."""
        ...

    async def invoice(self, msp_id: MspId, month: Month) -> Invoice | None:
        """Return a month's invoice, or None."""
        ...

    async def invoices(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[Invoice]:
        """Return a page of the MSP's invoices, oldest first.

        Raises:
            MalformedInput: The token is none that a page gave.
        """
        ...

    async def lines(self, invoice: Invoice) -> Sequence[InvoiceLine]:
        """Return all lines of an invoice, in its order."""
        ...

    async def put_lines(self, parts: Sequence[InvoiceLines]) -> None:
        """Write lines ahead of their invoice; writing the same ones again does no harm."""
        ...

    async def payment(self, msp_id: MspId, number: int) -> Versioned[Payment] | None:
        """Return what became of an invoice, or None when there is no such number."""
        ...

    async def payments(
        self, msp_id: MspId, first: int = 1, last: int | None = None, *, unpaid: bool = False
    ) -> Sequence[Versioned[Payment]]:
        """Return what became of the invoices from a number to another, in their order.

        Args:
            unpaid: Only those that are not paid.
        """
        ...
