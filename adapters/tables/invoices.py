"""The billing rows in the `msps` table."""

from collections.abc import Sequence
from typing import override

from azure.data.tables.aio import TableClient

from adapters.tables.access import query, version_of
from adapters.tables.limits import check_transaction
from adapters.tables.msps import TableMspStore
from adapters.tables.rows import IN_RANGE, from_entity, to_entity
from adapters.tables.transaction_body import Put
from adapters.tables.transactions import Transactions
from domain.billing_terms import TermsChange
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, Payment
from domain.month import Month
from domain.ports.invoice_store import InvoiceStore
from domain.ports.page import Page
from domain.row_changes import Versioned
from domain.row_kinds import invoice_number_key, kind_of

_UNPAID = f"{IN_RANGE} and paid eq false"
# A part of the lines takes at most 64 KiB; a transaction may have 4 MiB.
_PARTS_AT_ONCE = 40
_NO_NUMBER = 10**9


class TableInvoiceStore(InvoiceStore):
    """InvoiceStore in Azure Tables."""

    def __init__(self, table: TableClient, msps: TableMspStore, transactions: Transactions) -> None:
        self._table, self._msps, self._transactions = table, msps, transactions

    @override
    async def terms(self, msp_id: MspId) -> Sequence[TermsChange]:
        return await self._msps.all(TermsChange, msp_id)

    @override
    async def invoice(self, msp_id: MspId, month: Month) -> Invoice | None:
        found = await self._msps.find(Invoice, msp_id, str(month))
        return found.value if found else None

    @override
    async def invoices(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[Invoice]:
        page = await self._msps.page(Invoice, msp_id, page_size, token)
        return Page(tuple(known.value for known in page.items), page.next_token)

    @override
    async def lines(self, invoice: Invoice) -> Sequence[InvoiceLine]:
        key = str(invoice.month), invoice.line_set
        parts = await self._msps.all(InvoiceLines, invoice.msp_id, *key)
        return [line for part in parts for line in part.lines]

    @override
    async def put_lines(self, parts: Sequence[InvoiceLines]) -> None:
        for start in range(0, len(parts), _PARTS_AT_ONCE):
            entities = [to_entity(part) for part in parts[start : start + _PARTS_AT_ONCE]]
            check_transaction(list(entities))
            await self._transactions.submit(self._table.table_name, [Put(e) for e in entities])

    @override
    async def payment(self, msp_id: MspId, number: int) -> Versioned[Payment] | None:
        return await self._msps.find(Payment, msp_id, invoice_number_key(number))

    @override
    async def payments(
        self, msp_id: MspId, first: int = 1, last: int | None = None, *, unpaid: bool = False
    ) -> Sequence[Versioned[Payment]]:
        key, end = kind_of(Payment).key, _NO_NUMBER if last is None else last + 1
        parameters = {
            "msp": msp_id,
            "first": key(invoice_number_key(first)),
            "last": key(invoice_number_key(end)),
        }
        return [
            Versioned(from_entity(Payment, row), version_of(row))
            async for row in query(self._table, _UNPAID if unpaid else IN_RANGE, parameters)
        ]
