"""The inputs of the calculation of an MSP's charge."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.billing_terms import TermsChange
from domain.identifiers import TenantId
from domain.ports.msp_store import MspHead
from domain.usage import TenantUsage


@dataclass(frozen=True, slots=True)
class BillingInputs:
    """Everything that an MSP's charge is calculated from."""

    head: MspHead
    usages: Sequence[TenantUsage]
    terms: Sequence[TermsChange]

    @property
    def partner_tenant(self) -> TenantId | None:
        """The tenant that is the MSP's partner tenant now."""
        return self.head.slot.value.tenant_id if self.head.slot else None
