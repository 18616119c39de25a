"""Billing's ports in memory."""

from collections.abc import Sequence
from typing import override

from domain.billing_terms import TermsChange
from domain.errors import BillingEmailFailed
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, Payment
from domain.month import Month
from domain.ports.billing_emails import BillingEmail, BillingEmails
from domain.ports.invoice_documents import InvoiceDocuments
from domain.ports.invoice_renderer import InvoiceRenderer
from domain.ports.invoice_store import InvoiceStore
from domain.ports.page import Page
from domain.row_changes import Versioned
from domain.row_kinds import invoice_number_key
from tests.fakes.storage import FakeMspStore, _key, _version, page_of


class FakeInvoiceStore(InvoiceStore):
    def __init__(self, msps: FakeMspStore) -> None:
        self._msps = msps

    @override
    async def terms(self, msp_id: MspId) -> Sequence[TermsChange]:
        return await self._msps.all(TermsChange, msp_id)

    @override
    async def invoice(self, msp_id: MspId, month: Month) -> Invoice | None:
        known = await self._msps.find(Invoice, msp_id, str(month))
        return known.value if known else None

    @override
    async def invoices(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[Invoice]:
        found = await self._msps.all(Invoice, msp_id)
        return page_of(found, page_size, token)

    @override
    async def lines(self, invoice: Invoice) -> Sequence[InvoiceLine]:
        key = str(invoice.month), invoice.line_set
        parts = await self._msps.all(InvoiceLines, invoice.msp_id, *key)
        return [line for part in parts for line in part.lines]

    @override
    async def put_lines(self, parts: Sequence[InvoiceLines]) -> None:
        for part in parts:
            self._msps.rows[_key(part)] = Versioned(part, _version())

    @override
    async def payment(self, msp_id: MspId, number: int) -> Versioned[Payment] | None:
        return await self._msps.find(Payment, msp_id, invoice_number_key(number))

    @override
    async def payments(
        self, msp_id: MspId, first: int = 1, last: int | None = None, *, unpaid: bool = False
    ) -> Sequence[Versioned[Payment]]:
        return [
            known
            for known in self._msps.of_kind(Payment, msp_id)
            if first <= known.value.number <= (last or known.value.number)
            and not (unpaid and known.value.paid_at)
        ]


class FakeDocuments(InvoiceDocuments):
    def __init__(self) -> None:
        self.stored: dict[tuple[MspId, str], bytes] = {}

    @override
    async def put(self, msp_id: MspId, name: str, pdf: bytes) -> bool:
        is_new = (msp_id, name) not in self.stored
        self.stored.setdefault((msp_id, name), pdf)
        return is_new

    @override
    async def get(self, msp_id: MspId, name: str) -> bytes | None:
        return self.stored.get((msp_id, name))


class FakePrinter(InvoiceRenderer):
    """Does no typesetting: the PDF is the invoice's own text."""

    @override
    def pdf(self, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
        return f"{invoice} {lines}".encode()


class FakeBillingEmails(BillingEmails):
    def __init__(self) -> None:
        self.sent: list[BillingEmail] = []
        self.is_down = False
        self.refused: str | None = None  # e-mails whose key contains this text

    @override
    async def send(self, notice: BillingEmail) -> None:
        if self.is_down or (self.refused and self.refused in notice.key):
            raise BillingEmailFailed("down")
        self.sent.append(notice)
