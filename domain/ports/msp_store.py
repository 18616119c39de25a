"""The MSPs and everything that belongs to them: the `msps` table."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.audit import ALL, AuditEvent, AuditFilter
from domain.billing_account import BillingAccount
from domain.consent_session import ConsentRecord
from domain.identifiers import MspId, TenantId
from domain.msp import Msp
from domain.ports.page import Page
from domain.row_changes import Row, RowChange, Versioned
from domain.tenant import (
    GdapInvite,
    PartnerTenantClaim,
    Tenant,
    TenantRemoval,
)
from domain.usage import TenantUsage


@dataclass(frozen=True, slots=True)
class MspHead:
    """The rows that describe an MSP itself: profile, partner tenant, consent, billing account."""

    msp: Versioned[Msp]
    slot: Versioned[PartnerTenantClaim] | None
    consent: Versioned[ConsentRecord] | None
    account: Versioned[BillingAccount] | None = None


@dataclass(frozen=True, slots=True)
class TenantRecords:
    """All rows that a decision on one tenant needs."""

    head: MspHead
    tenant: Versioned[Tenant] | None
    usage: Versioned[TenantUsage] | None
    invite: Versioned[GdapInvite] | None
    removal: Versioned[TenantRemoval] | None = None


class MspStore(Protocol):
    """The `msps` table: one partition per MSP, written only in transactions.

    A row is found by its class, which is listed in `domain.row_kinds`, and the parts of its key.

    Every method raises StorageUnavailable when Azure Storage does not answer, or when the one row
    that is asked for was written by another release, whose words this one does not know. A page
    leaves such a row out.
    """

    async def head(self, msp_id: MspId) -> MspHead | None:
        """Return the MSP with its partner tenant's claim and its consent record, or None.

        All rows come from one read.
        """
        ...

    async def tenant_records(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        """Return the rows that a decision on the tenant needs.

        Raises:
            NoSuchMsp: There is no such MSP.
        """
        ...

    async def find[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Versioned[R] | None:
        """Return the row with this key, such as a tenant by its ID, or None."""
        ...

    async def page[R: Row](  # noqa: PLR0913  the parts of a query; most are optional
        self,
        kind: type[R],
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[R], bool] | None = None,
        key: Sequence[str] = (),
    ) -> Page[Versioned[R]]:
        """Return a page of the MSP's rows of a kind, in the order of their keys.

        Args:
            keep: Selects the rows to return. A page examines only a limited number of rows,
                so it may be short or empty and still have a next page.
            key: First parts of the key, to read only the rows that have them.

        Raises:
            MalformedInput: The token is not one from an earlier page.
        """
        ...

    async def all[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Sequence[R]:
        """Return all of the MSP's rows of a kind in the order of their keys.

        Args:
            key: First parts of the key, to read only the rows that have them.
        """
        ...

    async def audit_events(
        self, msp_id: MspId, page_size: int, token: str | None = None, shown: AuditFilter = ALL
    ) -> Page[AuditEvent]:
        """Return a page of the audit log, newest first."""
        ...

    def msp_ids(self) -> AsyncIterator[MspId]:
        """Yield the ID of every MSP; it may include one whose onboarding was interrupted."""
        ...

    async def commit(self, operations: Sequence[RowChange]) -> None:
        """Write all changes in one transaction of one MSP, or none of them.

        The schedule entry of a new tenant is written before the tenant's row, and a new MSP's ID
        is added to `msp_ids` before the MSP's row.

        Raises:
            ConcurrentChange: A row has another version than the given one, already exists, or
                has been deleted.
        """
        ...
