"""The rows of billing in the `msps` table."""

from collections.abc import Sequence
from functools import partial
from typing import override

from azure.data.tables.aio import TableClient

from adapters.tables import billing_rows as rows
from adapters.tables.access import find, page, query, version_of, versioned
from adapters.tables.limits import check_transaction
from adapters.tables.msp_rows import range_of, to_entity
from adapters.tables.releases import readable, readable_page
from adapters.tables.transaction_body import Put
from adapters.tables.transactions import Transactions
from domain.billing_terms import TermsChange
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, Payment
from domain.month import Month
from domain.ports.invoice_store import InvoiceStore
from domain.ports.page import Page
from domain.row_changes import Versioned

_IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"
_UNPAID = f"{_IN_RANGE} and paid eq false"
# A part of the lines takes 64 KiB at most, and a transaction 4 MiB.
_PARTS_AT_ONCE = 40
_NO_NUMBER = 10**9


class TableInvoiceStore(InvoiceStore):
    """InvoiceStore over Azure Tables."""

    def __init__(self, table: TableClient, transactions: Transactions) -> None:
        self._table, self._transactions = table, transactions

    @override
    async def terms(self, msp_id: MspId) -> Sequence[TermsChange]:
        parameters = _parameters(msp_id, *range_of("terms"))
        return [rows.terms_from(row) async for row in query(self._table, _IN_RANGE, parameters)]

    @override
    async def invoice(self, msp_id: MspId, month: Month) -> Invoice | None:
        found = await find(self._table, msp_id, rows.invoice_key(month))
        return rows.invoice_from(found) if found else None

    @override
    async def invoices(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[Invoice]:
        parameters = _parameters(msp_id, *range_of("invoice"))
        read = partial(readable, "an invoice", rows.invoice_from)
        return readable_page(await page(self._table, _IN_RANGE, parameters, read, page_size, token))

    @override
    async def lines(self, invoice: Invoice) -> Sequence[InvoiceLine]:
        bounds = range_of(rows.lines_key(invoice.month, invoice.line_set))
        parameters = _parameters(invoice.msp_id, *bounds)
        return [
            line
            async for row in query(self._table, _IN_RANGE, parameters)
            for line in rows.lines_from(row, invoice.month)
        ]

    @override
    async def put_lines(self, parts: Sequence[InvoiceLines]) -> None:
        for start in range(0, len(parts), _PARTS_AT_ONCE):
            entities = [to_entity(part) for part in parts[start : start + _PARTS_AT_ONCE]]
            check_transaction(list(entities))
            await self._transactions.submit(self._table.table_name, [Put(e) for e in entities])

    @override
    async def payment(self, msp_id: MspId, number: int) -> Versioned[Payment] | None:
        found = await find(self._table, msp_id, rows.payment_key(number))
        return versioned(found, rows.payment_from)

    @override
    async def payments(
        self, msp_id: MspId, first: int = 1, last: int | None = None, *, unpaid: bool = False
    ) -> Sequence[Versioned[Payment]]:
        end = _NO_NUMBER if last is None else last + 1
        parameters = _parameters(msp_id, rows.payment_key(first), rows.payment_key(end))
        condition = _UNPAID if unpaid else _IN_RANGE
        return [
            Versioned(rows.payment_from(row), version_of(row))
            async for row in query(self._table, condition, parameters)
        ]


def _parameters(msp_id: MspId, first: str, last: str) -> dict[str, str]:
    return {"msp": msp_id, "first": first, "last": last}
