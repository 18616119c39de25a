"""The kinds of rows in the table `msps`, and their keys.

To add a kind, write its class, a frozen dataclass with an `msp_id`, and list it here. The
annotations of its fields determine how it is stored (`adapters.tables.row_codec`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.audit import AuditEvent
from domain.billing_account import BillingAccount
from domain.billing_terms import TermsChange
from domain.consent_session import ConsentRecord
from domain.invoice import Invoice, InvoiceLines, Payment
from domain.msp import Msp
from domain.newest_first import newest_first
from domain.operation import (
    BreakGlassAccounts,
    IdempotencyKey,
    Operation,
    OperationEntry,
    OperationQueue,
)
from domain.roles import StaffMember
from domain.row_changes import Row
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import TenantUsage


@dataclass(frozen=True, slots=True)
class Kind[R: Row]:
    """A kind of row.

    Args:
        name: The first part of the keys.
        cls: The class of the rows.
        parts: Returns the other parts of a row's key; none if an MSP has only one such row.
    """

    name: str
    cls: type[R]
    parts: Callable[[R], tuple[str, ...]]

    def key(self, *parts: str) -> str:
        """Return the key with these parts, or the common prefix of the keys of several rows."""
        return ":".join((self.name, *parts))

    def key_of(self, row: R) -> str:
        """Return a row's key within its MSP."""
        return self.key(*self.parts(row))

    def range(self, *parts: str) -> tuple[str, str]:
        """Return the range of keys that begin with these parts: start and exclusive end."""
        start = self.key(*parts)
        return f"{start}:", f"{start};"  # ';' follows ':'


def invoice_number_key(number: int) -> str:
    """Return an invoice's number as a part of a key."""
    return f"{number:09d}"


# The names of the first four are in one range, so that one query reads them all.
_ALL = (
    Kind("msp", Msp, lambda _: ()),
    Kind("msp:partner-tenant", PartnerTenantClaim, lambda _: ()),
    Kind("msp:consent", ConsentRecord, lambda _: ()),
    Kind("msp:billing", BillingAccount, lambda _: ()),
    Kind("tenant", Tenant, lambda row: (row.tenant_id,)),
    Kind("removed", TenantRemoval, lambda row: (row.tenant_id,)),
    Kind("usage", TenantUsage, lambda row: (row.tenant_id,)),
    Kind("invite", GdapInvite, lambda row: (row.tenant_id,)),
    Kind("staff", StaffMember, lambda row: (row.tid, row.oid)),
    Kind("audit", AuditEvent, lambda row: (newest_first(row.at), row.event_id)),
    Kind("terms", TermsChange, lambda row: (str(row.from_month), row.decided_at.isoformat())),
    Kind("invoice", Invoice, lambda row: (str(row.month),)),
    Kind(
        "invoice-lines",
        InvoiceLines,
        lambda row: (str(row.month), row.line_set, f"{row.part:05d}"),
    ),
    Kind("payment", Payment, lambda row: (invoice_number_key(row.number),)),
    # How the rows of a tenant are keyed: docs/decisions/0036.
    Kind("operation", Operation, lambda row: (row.tenant_id, row.epoch, row.operation_id)),
    Kind("operation-index", OperationEntry, lambda row: (row.operation_id,)),
    Kind("operation-queue", OperationQueue, lambda row: (row.tenant_id, row.epoch)),
    Kind("idempotency", IdempotencyKey, lambda row: (row.key,)),
    Kind("break-glass", BreakGlassAccounts, lambda row: (row.tenant_id, row.epoch)),
)


KINDS: Mapping[type[Row], Kind[Any]] = {kind.cls: kind for kind in _ALL}


def kind_of[R: Row](cls: type[R]) -> Kind[R]:
    """Return the kind of row for a class."""
    return KINDS[cls]
