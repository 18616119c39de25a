"""The ports of billing."""

from dataclasses import dataclass

from domain.invoice import InvoiceParty
from domain.ports.billing_emails import BillingEmails
from domain.ports.clock import Clock
from domain.ports.invoice_documents import InvoiceDocuments
from domain.ports.invoice_renderer import InvoiceRenderer
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspStore
from domain.ports.queues import Queues


@dataclass(frozen=True, slots=True)
class BillingPorts:
    """The area's ports, and the seller who issues the invoices."""

    msps: MspStore
    invoices: InvoiceStore
    documents: InvoiceDocuments
    renderer: InvoiceRenderer
    emails: BillingEmails
    clock: Clock
    queues: Queues
    seller: InvoiceParty
