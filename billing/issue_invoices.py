"""Issuing invoices: every month that is over and not closed yet, in order, exactly once."""

from collections.abc import Sequence

from billing.close_month import ClosedMonth, close_month, due_month
from billing.ports import BillingPorts
from billing.read_inputs import read_inputs
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import SellerIncomplete
from domain.identifiers import MspId
from domain.invoice import Invoice, InvoiceLines
from domain.ports.msp_store import MspHead
from domain.row_changes import Decision, RowChange

# A transaction holds up to 100 rows and 4 MiB: 80 parts of 30 KB and four other rows fit.
_MOST_PARTS = 80


async def issue_invoices(ports: BillingPorts, msp_id: MspId, cause: Cause) -> list[Invoice]:
    """Close every past month of an MSP; return the invoices that this run issued.

    Raises:
        SellerIncomplete: There is a month to close, but the seller has no ABN.
        ConcurrentChange: Other writers were first at every attempt.
    """
    issued: list[Invoice] = []
    while (closed := await _close_next(ports, msp_id, cause)) is not None:
        if closed.invoice:
            issued.append(closed.invoice)
    return issued


async def _close_next(ports: BillingPorts, msp_id: MspId, cause: Cause) -> ClosedMonth | None:
    async def read() -> Decision[ClosedMonth | None]:
        return await _decided(ports, await ports.msps.head(msp_id), cause)

    async def commit(operations: tuple[RowChange, ...]) -> None:
        await ports.msps.commit(await _without_large_lines(ports, operations))

    return await decide_and_commit(read, lambda decision: decision, commit)


async def _decided(
    ports: BillingPorts, head: MspHead | None, cause: Cause
) -> Decision[ClosedMonth | None]:
    month = due_month(head, cause.at) if head else None
    if head is None or month is None:
        return Decision(None)
    if not ports.seller.abn:
        raise SellerIncomplete("SELLER_ABN is not set: a tax invoice needs it.")
    books = await read_inputs(ports.msps, ports.invoices, head)
    closed = close_month(books, month, ports.seller, cause)
    return Decision(closed.result, closed.operations)


async def _without_large_lines(
    ports: BillingPorts, operations: Sequence[RowChange]
) -> Sequence[RowChange]:
    """Write the lines first if they do not fit into the transaction; return the other rows.

    The lines count only once the invoice's row is committed. A crash in between leaves lines that
    no invoice refers to. Lines of a concurrent run have another digest.
    """
    parts = [op.row for op in operations if isinstance(op.row, InvoiceLines)]
    if len(parts) <= _MOST_PARTS:
        return operations
    await ports.invoices.put_lines(parts)
    return [op for op in operations if not isinstance(op.row, InvoiceLines)]
