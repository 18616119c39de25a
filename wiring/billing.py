"""Billing: previews and invoices."""

import azure.functions as func

from adapters.invoice_pdf.renderer import PdfInvoiceRenderer
from billing.functions import billing_functions
from billing.ports import BillingPorts
from domain.invoice import InvoiceParty
from edge.routes import Edge
from wiring.services import Services, open_documents, open_emails


def billing(edge: Edge, services: Services) -> func.Blueprint:
    """Return the functions for previews and invoices, and those that issue invoices."""
    return billing_functions(edge, billing_ports(services))


def billing_ports(services: Services) -> BillingPorts:
    """Return billing's ports."""
    settings, storage = services.settings, services.storage
    return BillingPorts(
        msps=storage.msps,
        invoices=storage.invoices,
        documents=open_documents(settings),
        renderer=PdfInvoiceRenderer(settings.payment_details.replace("\\n", "\n")),
        emails=open_emails(settings),
        clock=services.clock,
        queues=services.queues,
        seller=InvoiceParty(
            name=settings.seller_name,
            abn=settings.seller_abn or None,
            address=settings.seller_address.replace("\\n", "\n"),
        ),
    )
