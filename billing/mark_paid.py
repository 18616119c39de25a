"""Marking an invoice as paid; a suspension that it caused ends at once."""

from collections.abc import Sequence

from billing.payments import pay
from billing.read_inputs import read_head
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.identifiers import MspId
from domain.invoice import Payment
from domain.msp import Msp
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspStore
from domain.row_changes import Versioned

type Standing = tuple[Versioned[Msp], Versioned[Payment] | None, Sequence[Versioned[Payment]]]


async def mark_paid(
    msps: MspStore, invoices: InvoiceStore, msp_id: MspId, number: int, cause: Cause
) -> bool:
    """Record the payment of an invoice; return False if it was already recorded.

    Raises:
        NoSuchMsp: There is no such MSP.
        InvoiceNotFound: There is no such invoice.
    """

    async def read() -> Standing:
        # The MSP's row is read first, so that its version also guards the other invoices.
        head = await read_head(msps, msp_id)
        known = await invoices.payment(msp_id, number)
        return head.msp, known, await invoices.payments(msp_id, unpaid=True)

    return await decide_and_commit(read, lambda read: pay(*read, cause), msps.commit)
