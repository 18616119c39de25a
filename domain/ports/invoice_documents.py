"""The invoices' PDFs."""

from typing import Protocol

from domain.identifiers import MspId


class InvoiceDocuments(Protocol):
    """Where the invoices' PDFs are kept, each written once."""

    async def put(self, msp_id: MspId, name: str, pdf: bytes) -> bool:
        """Store a PDF and return True; one that is there already stays as it is: False."""
        ...

    async def get(self, msp_id: MspId, name: str) -> bytes | None:
        """Return a PDF, or None."""
        ...
