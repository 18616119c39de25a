"""Changes: rows written together, guarded by the versions that the decision was made on."""

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
    """A value as it was read, with the ETag that it had."""

    value: T
    version: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A row that must not exist yet."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """A row that must still be the version that was read."""

    row: Row
    version: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to delete, if it still is the version that was read."""

    row: Row
    version: str


type RowChange = Insert | Replace | Remove


@dataclass(frozen=True, slots=True)
class Decision[R]:
    """What a pure rule decided: the rows to write in one transaction, and the answer."""

    result: R
    operations: tuple[RowChange, ...] = ()


def write[R: Row](row: R, known: Versioned[R] | None) -> RowChange:
    """Return the operation that puts a row in place of the known one, or in none's place."""
    return Replace(row, known.version) if known else Insert(row)
