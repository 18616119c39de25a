"""Reading the inputs of the calculation of an MSP's charge."""

import asyncio

from billing.inputs import BillingInputs
from domain.errors import NoSuchMsp
from domain.identifiers import MspId
from domain.ports.invoice_store import InvoiceStore
from domain.ports.msp_store import MspHead, MspStore
from domain.usage import TenantUsage


async def read_head(msps: MspStore, msp_id: MspId) -> MspHead:
    """Return an MSP's head rows.

    Raises:
        NoSuchMsp: There is no such MSP.
    """
    head = await msps.head(msp_id)
    if head is None:
        raise NoSuchMsp
    return head


async def read_inputs(msps: MspStore, invoices: InvoiceStore, head: MspHead) -> BillingInputs:
    """Return an MSP's billing inputs. The head was read before, so its version guards the rest."""
    msp_id = head.msp.value.msp_id
    usages, terms = await asyncio.gather(msps.all(TenantUsage, msp_id), invoices.terms(msp_id))
    return BillingInputs(head, usages, terms)
