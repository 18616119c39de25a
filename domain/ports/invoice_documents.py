"""The invoices' PDFs."""

from typing import Protocol

from domain.identifiers import MspId


class InvoiceDocuments(Protocol):
    """The store of the invoices' PDFs; each is written once."""

    async def put(self, msp_id: MspId, name: str, pdf: bytes) -> bool:
        """Store a PDF and return True; return False if there is one, which is not changed."""
        ...

    async def get(self, msp_id: MspId, name: str) -> bytes | None:
        """Return a PDF, or None."""
        ...
