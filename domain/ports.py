"""The ports: what the use cases need from outside, implemented in `adapters` and by fakes."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from domain.audit import AuditEvent
from domain.billing_account import BillingAccount
from domain.consent_session import ConsentRecord, ConsentSession
from domain.gdap import GdapRelationship, Relationships
from domain.identifiers import MspId, ObjectId, SessionHash, SessionRef, TenantId, TenantRef
from domain.msp import Msp
from domain.roles import StaffMember
from domain.row_changes import RowChange, Versioned
from domain.sync_state import DataSet, ScheduledSync, SyncState, SyncSummary
from domain.tenant import (
    GdapInvite,
    ListedTenant,
    Organization,
    PartnerTenantClaim,
    Tenant,
    TenantRemoval,
)
from domain.usage import TenantUsage
from domain.user_block import UserBlock


class Clock(Protocol):
    """Tells the time; nothing else does."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list, and the token of the next part, or None at the end.

    The token is a position that a caller may not choose: the edge signs it.
    """

    items: tuple[T, ...]
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class MspHead:
    """The rows that say who an MSP is and which tenant is its own."""

    msp: Versioned[Msp]
    slot: Versioned[PartnerTenantClaim] | None
    consent: Versioned[ConsentRecord] | None
    account: Versioned[BillingAccount] | None = None


@dataclass(frozen=True, slots=True)
class TenantRecords:
    """All rows that a decision on one tenant looks at."""

    head: MspHead
    tenant: Versioned[Tenant] | None
    usage: Versioned[TenantUsage] | None
    invite: Versioned[GdapInvite] | None
    removal: Versioned[TenantRemoval] | None = None


class MspStore(Protocol):
    """The `msps` table: one partition per MSP, written in transactions alone.

    Every method raises StorageUnavailable when Azure Storage does not answer, or when the one row
    that is asked for was written by another release, whose words this one does not know. A page
    leaves such a row out.
    """

    async def head(self, msp_id: MspId) -> MspHead | None:
        """Return the MSP with its slot and consent record in one read, or None."""
        ...

    async def snapshot(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        """Return the rows that a decision on the tenant needs.

        Raises:
            NoSuchMsp: There is no such MSP.
        """
        ...

    async def tenant(self, msp_id: MspId, tenant_id: TenantId) -> Versioned[Tenant] | None:
        """Return one tenant row, or None."""
        ...

    async def tenants(
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Tenant], bool] | None = None,
    ) -> Page[Versioned[Tenant]]:
        """Return a page of the MSP's tenants in the order of their IDs, in every status.

        Args:
            keep: Which of them; they are looked for in so many rows at most, so a page may be
                short, or empty, and have a next one.

        Raises:
            MalformedInput: The token is none that a page gave.
        """
        ...

    async def usage(self, msp_id: MspId) -> Sequence[TenantUsage]:
        """Return the usage of every tenant that the MSP has or had."""
        ...

    async def invites(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[GdapInvite]:
        """Return a page of the MSP's GDAP invites."""
        ...

    async def removals(self, msp_id: MspId) -> Sequence[TenantRemoval]:
        """Return when each tenant that the MSP removed for good was last removed."""
        ...

    async def unpaid_invoices(self, msp_id: MspId) -> Sequence[str]:
        """Return the numbers of the MSP's invoices that are not paid."""
        ...

    async def staff_member(
        self, msp_id: MspId, tid: TenantId, oid: ObjectId
    ) -> Versioned[StaffMember] | None:
        """Return one member of the MSP's staff, or None."""
        ...

    async def staff(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[StaffMember]:
        """Return a page of the MSP's staff."""
        ...

    async def audit_events(  # noqa: PLR0913  the list's filters
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        *,
        tenant_id: TenantId | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[AuditEvent]:
        """Return a page of the audit log, newest first; `since` ≤ at < `until`."""
        ...

    def msp_ids(self) -> AsyncIterator[MspId]:
        """Yield the ID of every MSP, and perhaps one whose onboarding was cut off."""
        ...

    async def commit(self, operations: Sequence[RowChange]) -> None:
        """Write all operations in one transaction, of one MSP, or none of them.

        A tenant that is inserted has an entry in the schedule of syncs before it is there, and
        an MSP is among `msp_ids` before it is there.

        Raises:
            ConcurrentChange: A row is not the version named, or exists, or is gone.
        """
        ...


class StaffIndex(Protocol):
    """Which MSP a person is staff of: the claim that makes a person staff of exactly one."""

    async def msp_of(self, tid: TenantId, oid: ObjectId) -> Versioned[MspId] | None:
        """Return the MSP that claims the person, or None."""
        ...

    async def claim(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> MspId:
        """Claim the person for the MSP unless one has already; return whose the person is."""
        ...

    async def release(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> None:
        """Give up the claim, if it is this MSP's."""
        ...


class ConsentSessions(Protocol):
    """Consent sessions by the hash of their state."""

    async def add(self, session: ConsentSession) -> None:
        """Store a new session."""
        ...

    async def find(self, session: SessionHash) -> Versioned[ConsentSession] | None:
        """Return the session, or None."""
        ...

    async def replace(self, session: ConsentSession, version: str) -> None:
        """Write the session back.

        Raises:
            ConcurrentChange: Somebody else wrote it since.
        """
        ...


class SyncStates(Protocol):
    """The state of each tenant's sync; the row is the worker's lease too."""

    async def find(self, ref: TenantRef) -> Versioned[SyncState] | None:
        """Return a tenant's sync state, or None before the first request."""
        ...

    async def of_msp(
        self, msp_id: MspId, first: TenantId | None = None, last: TenantId | None = None
    ) -> Mapping[TenantRef, SyncState]:
        """Return the states of an MSP's tenants with IDs in [first, last], in one range read."""
        ...

    async def add(self, state: SyncState) -> str:
        """Store the first state of a tenant; return its version.

        Raises:
            ConcurrentChange: There is one already.
        """
        ...

    async def replace(self, state: SyncState, version: str) -> str:
        """Write the state back; return the new version.

        Raises:
            ConcurrentChange: Somebody else wrote it since, or it is gone.
        """
        ...

    async def remove(self, ref: TenantRef) -> None:
        """Delete a tenant's state, if there is one."""
        ...


class SyncSchedule(Protocol):
    """When to look at each tenant's sync next: an index by time over every MSP's tenants.

    A tenant's live entry is the one that its state names; others are stale. A tenant without a
    state has an entry all the same, since the one that inserts its row writes one.
    """

    async def add(self, entry: ScheduledSync) -> None:
        """Write an entry; one that is there already is no error."""
        ...

    async def remove(self, entry: ScheduledSync) -> None:
        """Delete an entry; one that is gone is no error."""
        ...

    def due(self, now: datetime) -> AsyncIterator[ScheduledSync]:
        """Yield the entries up to now, however many MSPs there are, the oldest among the first.

        Whoever takes only some of them leaves no tenant waiting for ever.
        """
        ...


type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SyncedRecord:
    """A record as Graph gave it.

    Args:
        key: Its row key; lists are in the order of the keys.
        document: Graph's JSON object: property names and values as they came.
    """

    key: str
    document: Document


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored.

    Args:
        text: The document in canonical JSON.
        digest: Of the text, by which an unchanged record is known.
    """

    key: str
    text: str
    digest: str


class SyncedRecords(Protocol):
    """What sync stored, per data set and tenant life."""

    async def digests(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return the digest of each stored record, or of those named, by key."""
        ...

    async def read(
        self, data_set: DataSet, ref: TenantRef, keys: Collection[str]
    ) -> dict[str, Document]:
        """Return those of the records that are stored, by key."""
        ...

    async def write(
        self, data_set: DataSet, ref: TenantRef, records: Sequence[StoredRecord]
    ) -> None:
        """Insert or overwrite records, in full transactions.

        Raises:
            Unreadable: A record is of a kind or size that cannot be stored.
        """
        ...

    async def delete(self, data_set: DataSet, ref: TenantRef, keys: Sequence[str]) -> None:
        """Delete records; one that is gone already is no error."""
        ...

    async def page(
        self,
        data_set: DataSet,
        ref: TenantRef,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Document], bool] | None = None,
    ) -> Page[Document]:
        """Return a page of the documents in the order of their keys.

        Args:
            keep: Which of them, as for `MspStore.tenants`.

        Raises:
            MalformedInput: The token is none that a page gave.
        """
        ...

    async def purge(self, data_set: DataSet, ref: TenantRef, most: int) -> int:
        """Delete records of the data set, at most so many; fewer deleted means none is left."""
        ...


class WholeReads(Protocol):
    """Which users a read of all of them has met before it was put off."""

    async def add(self, ref: TenantRef, read: str, keys: Collection[str | None]) -> None:
        """Store that a read has met these users.

        Args:
            read: What tells the read from every other one.
            keys: None stands for a user whose key cannot be read.
        """
        ...

    async def met(self, ref: TenantRef, read: str, keys: Collection[str]) -> set[str | None]:
        """Return those of the keys, and None, that the read has met."""
        ...

    async def forget(self, ref: TenantRef) -> None:
        """Delete what is stored of the tenant's reads."""
        ...


@dataclass(frozen=True, slots=True)
class Count:
    """How many users a block holds, and how many of them are enabled."""

    users: int
    enabled: int


@dataclass(frozen=True, slots=True)
class BlockReplacement:
    """Blocks that take a block's place, all at once.

    Args:
        name: Of the block that they take the place of; one that is not there can only be among
            them.
    """

    name: str
    blocks: Sequence[UserBlock]


# A block among all of an MSP's.
type BlockKey = tuple[TenantRef, str]


class UserIndex(Protocol):
    """The search index of users: sync keeps it, and search reads an MSP's in few operations."""

    async def counts(self, ref: TenantRef) -> Mapping[str, Count]:
        """Return the tenant's blocks by name, without their content."""
        ...

    async def read(self, keys: Collection[BlockKey]) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return those of the blocks that there are."""
        ...

    async def write(self, ref: TenantRef, exchanges: Iterable[BlockReplacement]) -> None:
        """Write blocks, each exchange whole or not at all.

        Raises:
            ConcurrentChange: A block that is to go is not there.
        """
        ...

    async def versions(self, msp_id: MspId) -> Mapping[BlockKey, str]:
        """Return the version of each of the MSP's blocks."""
        ...

    async def of_msp(self, msp_id: MspId) -> Mapping[BlockKey, Versioned[UserBlock]]:
        """Return all of the MSP's blocks."""
        ...

    async def purge(self, ref: TenantRef) -> int:
        """Delete every block of the tenant; return how many there were."""
        ...


class PortfolioReader(Protocol):
    """What the portfolio shows of all of an MSP's tenants, in one range read each."""

    async def tenants(self, msp_id: MspId) -> Sequence[ListedTenant]:
        """Return the MSP's tenants in the order of their IDs, in every status."""
        ...

    async def summaries(self, msp_id: MspId) -> Mapping[TenantRef, SyncSummary]:
        """Return the summary of each tenant's sync."""
        ...


class WorkKind(StrEnum):
    """Work that a transaction decides and a queue carries out."""

    PURGE_TENANT = "purge-tenant"
    COMPLETE_CONSENT = "complete-consent"


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work to do, on record from before its transaction until it is done.

    Args:
        queued_at: When its message was last put on the queue, or when it was recorded.
        deleted: Of a purge: how many records are gone so far, by kind.
        writer_until: Of a purge: until when a sync may still write what is to be deleted.
    """

    kind: WorkKind
    subject: TenantRef | SessionRef
    queued_at: datetime
    deleted: tuple[tuple[str, int], ...] = ()
    writer_until: datetime | None = None


class PendingWorkStore(Protocol):
    """The `work` table: a queue message is never the only record of work to do."""

    async def record(self, intent: PendingWork) -> None:
        """Write an intent, or write its time anew; progress that it does not name stays."""
        ...

    async def find(self, kind: WorkKind, subject: TenantRef | SessionRef) -> PendingWork | None:
        """Return an intent, or None."""
        ...

    async def drop(self, kind: WorkKind, subject: TenantRef | SessionRef) -> None:
        """Delete an intent; one that is gone is no error."""
        ...

    def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        """Yield every intent whose message was queued before the moment."""
        ...


class Queues(Protocol):
    """The work queues. Messages carry identifiers only and may come twice, late or never."""

    async def sync_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        """Ask for a sync of the tenant."""
        ...

    async def purge_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        """Ask for the deletion of what a removed tenant owned."""
        ...

    async def complete_consent(self, ref: SessionRef, delay_seconds: int = 0) -> None:
        """Ask to go on with a consent that is pending."""
        ...


class Identity(Protocol):
    """Microsoft Identity and Graph, as far as consent needs them."""

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        """Return the organisation that the partner app can read with an app-only token.

        Cached tokens of the tenant are dropped first, so that new permissions show.

        Raises:
            ConsentRequired: No token, a token without the role to read the organisation, or
                Graph says 401 or 403: there is no consent, or it has not propagated yet.
            OrganizationMismatch: Graph names another organisation.
            MicrosoftRefused: The app's own credential is refused; waiting does not help.
            MicrosoftUnavailable: No answer, or one that asks to wait.
        """
        ...


class Credentials(Protocol):
    """What the MSPs' partner apps authenticate with."""

    async def expires_at(self, msp: Msp) -> datetime | None:
        """Return when the MSP's credential ends, or None: it does not, or nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Relationship:
    """A GDAP relationship that waits for the customer's approval."""

    relationship_id: str
    invite_url: str
    expires_at: datetime


class Gdap(Protocol):
    """GDAP relationships at Microsoft Graph, called as the MSP's partner app.

    Every method raises GdapRefused when Microsoft refuses, ConsentRequired when the partner app
    may not manage relationships (yet), MicrosoftRefused when its credential is refused, and
    MicrosoftUnavailable when there is no answer.
    """

    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        """Create a relationship, locked for approval."""
        ...

    async def relationships(self, msp: Msp) -> Relationships:
        """Return every relationship that the MSP has or had, read to the last page."""
        ...

    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        """Give each of the MSP's security groups its roles in an accepted relationship.

        What is as it should be is left alone, so it can be repeated.

        Returns:
            Whether all of them have their access by now; Microsoft takes its time.
        """
        ...


# Of a mistake in our own code, which is no answer of Microsoft's.
INTERNAL_FAULT = "Internal fault: this service could not read the answer."


class Unreadable(Exception):
    """A read that did not come to its end: not the same as an empty answer.

    Args:
        error: For people.
        missing_permission: The Graph permission that the app lacks, when that is the reason.
        retry_after: Seconds after which to go on, when Graph asks for more than one invocation
            waits.
    """

    def __init__(
        self,
        error: str,
        missing_permission: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.missing_permission = missing_permission
        self.retry_after = retry_after


class PositionLost(Exception):
    """Graph no longer knows a link that it gave: the read starts over, and wipes nothing."""


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a data set.

    Args:
        unreadable: The key of each record that is not as Microsoft documents it, None where it
            has none that can be read. They are left out, and are not gone.
    """

    records: Sequence[SyncedRecord]
    unreadable: Sequence[str | None] = ()


type Reading = Records | Unreadable


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users, or of changes of users.

    Args:
        records: Of changes, a document has the properties alone that have changed.
        removed: Keys of users that are gone.
        next_link: Where to go on after this page, or None at the end.
        delta_link: At the end of a read of changes: where the next one begins.
        unreadable: As for `Records`.
    """

    records: Sequence[SyncedRecord]
    removed: Sequence[str] = ()
    next_link: str | None = None
    delta_link: str | None = None
    unreadable: Sequence[str | None] = ()


@dataclass(slots=True)
class ReadCost:
    """What reading a tenant has cost."""

    requests: int = 0
    throttled_seconds: float = 0.0


class TenantReader(Protocol):
    """Reads one tenant, one request at a time."""

    @property
    def cost(self) -> ReadCost:
        """What this reader has asked and waited so far."""
        ...

    async def small_data_sets(self) -> Mapping[DataSet, Reading]:
        """Return everything but the users, each data set whole or unreadable."""
        ...

    async def primary_domain(self) -> str | None:
        """Return the tenant's default domain, or None when it cannot be read."""
        ...

    async def delta_link(self) -> str:
        """Return the link by which `changes` tells all that changes from now on.

        Raises:
            Unreadable: There is none to be had.
        """
        ...

    def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        """Yield every user, from the start or from where an earlier read stopped.

        Raises:
            Unreadable: The read did not come to its end.
            PositionLost: The link is too old.
        """
        ...

    def changes(self, link: str) -> AsyncIterator[UserPage]:
        """Yield what has changed of users since; Graph may repeat a change.

        Raises:
            Unreadable: The read did not come to its end.
            PositionLost: The link is too old.
        """
        ...

    async def users_of(self, keys: Sequence[str]) -> UserPage:
        """Return the users with these keys, whole; one that there is no more is removed.

        Raises:
            Unreadable: One of them could not be asked for.
        """
        ...


class GraphReader(Protocol):
    """Opens tenants for reading; which kind of token a tenant takes is its own affair."""

    def of(self, msp: Msp, tenant: Tenant) -> TenantReader:
        """Return the reader of one tenant, with the patience of one invocation."""
        ...
