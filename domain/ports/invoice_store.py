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
    """The billing rows in the `msps` table. MspStore's transactions write them."""

    async def terms(self, msp_id: MspId) -> Sequence[TermsChange]:
        """Return every change of an MSP's terms, ordered by month."""
        ...

    async def invoice(self, msp_id: MspId, month: Month) -> Invoice | None:
        """Return a month's invoice, or None."""
        ...

    async def invoices(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[Invoice]:
        """Return a page of the MSP's invoices, oldest first.

        Raises:
            MalformedInput: The token is not one from an earlier page.
        """
        ...

    async def lines(self, invoice: Invoice) -> Sequence[InvoiceLine]:
        """Return all lines of an invoice, in the invoice's order."""
        ...

    async def put_lines(self, parts: Sequence[InvoiceLines]) -> None:
        """Write lines before their invoice; writing the same lines again is safe."""
        ...

    async def payment(self, msp_id: MspId, number: int) -> Versioned[Payment] | None:
        """Return the payment state of an invoice, or None if there is no such number."""
        ...

    async def payments(
        self, msp_id: MspId, first: int = 1, last: int | None = None, *, unpaid: bool = False
    ) -> Sequence[Versioned[Payment]]:
        """Return the payment state of the invoices with a range of numbers, in order.

        Args:
            first: The first number.
            last: The last number; None for no limit.
            unpaid: Return unpaid invoices only.
        """
        ...
