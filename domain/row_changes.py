"""Row changes: written in one transaction, if the rows still have the versions that were read."""

from dataclasses import dataclass

from domain.audit import AuditEvent
from domain.billing_account import BillingAccount
from domain.billing_terms import TermsChange
from domain.consent_session import ConsentRecord
from domain.invoice import Invoice, InvoiceLines, Payment
from domain.msp import Msp
from domain.roles import StaffMember
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import TenantUsage

type Row = (
    Msp
    | Tenant
    | TenantRemoval
    | PartnerTenantClaim
    | ConsentRecord
    | TenantUsage
    | GdapInvite
    | StaffMember
    | AuditEvent
    | BillingRow
)
type BillingRow = BillingAccount | TermsChange | Invoice | InvoiceLines | Payment


@dataclass(frozen=True, slots=True)
class Versioned[T]:
    """A value as it was read, with its ETag at that time."""

    value: T
    version: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A row that must not exist yet."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """A row to overwrite, if it still has the version that was read."""

    row: Row
    version: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to delete, if it still has the version that was read."""

    row: Row
    version: str


type RowChange = Insert | Replace | Remove


@dataclass(frozen=True, slots=True)
class Decision[R]:
    """The decision of a pure rule: the rows to write in one transaction, and the result."""

    result: R
    operations: tuple[RowChange, ...] = ()


def write[R: Row](row: R, known: Versioned[R] | None) -> RowChange:
    """Return the change that replaces the known row, or inserts the row if there is none."""
    return Replace(row, known.version) if known else Insert(row)
