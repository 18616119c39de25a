"""What billing needs from outside, and what it reads of an MSP to decide anything."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.billing_terms import TermsChange
from domain.errors import NoSuchMsp
from domain.identifiers import MspId, TenantId
from domain.invoice import InvoiceParty
from domain.ports.billing_emails import BillingEmails
from domain.ports.clock import Clock
from domain.ports.invoice_documents import InvoiceDocuments
from domain.ports.invoice_renderer import InvoiceRenderer
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspHead, MspStore
from domain.usage import TenantUsage


@dataclass(frozen=True, slots=True)
class BillingPorts:
    """The area's ports, and the seller who issues the invoices."""

    msps: MspStore
    invoices: InvoiceStore
    documents: InvoiceDocuments
    printer: InvoiceRenderer
    notices: BillingEmails
    clock: Clock
    seller: InvoiceParty


@dataclass(frozen=True, slots=True)
class BillingInputs:
    """All that an MSP's charge is calculated from."""

    head: MspHead
    usages: Sequence[TenantUsage]
    terms: Sequence[TermsChange]

    @property
    def partner_tenant(self) -> TenantId | None:
        """The MSP's own tenant as the flag stands now."""
        return self.head.slot.value.tenant_id if self.head.slot else None


async def read_head(msps: MspStore, msp_id: MspId) -> MspHead:
    """Return an MSP's head.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    head = await msps.head(msp_id)
    if head is None:
        raise NoSuchMsp
    return head


async def read_inputs(msps: MspStore, invoices: InvoiceStore, head: MspHead) -> BillingInputs:
    """Return an MSP's books. The head was read first, so its version guards the rest."""
    msp_id = head.msp.value.msp_id
    usages, terms = await asyncio.gather(msps.all(TenantUsage, msp_id), invoices.terms(msp_id))
    return BillingInputs(head, usages, terms)
