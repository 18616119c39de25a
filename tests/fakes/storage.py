"""Storage in memory, with versions and transactions as Azure Tables has them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any, override

from domain.audit import AuditEvent
from domain.billing_account import BillingAccount
from domain.billing_terms import TermsChange
from domain.consent_session import ConsentRecord, ConsentSession
from domain.errors import ConcurrentChange, MalformedInput, NoSuchMsp
from domain.identifiers import MspId, ObjectId, SessionHash, SessionRef, TenantId, TenantRef
from domain.invoice import Invoice, InvoiceLines, Payment, invoice_name
from domain.msp import Msp
from domain.ports.consent_sessions import ConsentSessions
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.ports.pending_work import PendingWork, PendingWorkStore, WorkKind
from domain.ports.staff_index import StaffIndex
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.roles import StaffMember
from domain.row_changes import Insert, Remove, Row, RowChange, Versioned
from domain.sync_request import first_sync
from domain.sync_state import ScheduledSync, SyncState
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import TenantUsage

_versions = count(1)


def _version() -> str:
    return f'W/"{next(_versions)}"'


def _key(row: Row) -> tuple[str, ...]:  # noqa: PLR0911  one return per kind
    match row:
        case Tenant() | TenantUsage() | GdapInvite() | TenantRemoval():
            return (row.msp_id, type(row).__name__, row.tenant_id)
        case StaffMember():
            return (row.msp_id, "StaffMember", row.tid, row.oid)
        case AuditEvent():
            return (row.msp_id, "AuditEvent", row.event_id)
        case TermsChange():
            return (row.msp_id, "TermsChange", f"{row.from_month}:{row.decided_at}")
        case Invoice():
            return (row.msp_id, "Invoice", str(row.month))
        case InvoiceLines():
            return (row.msp_id, "InvoiceLines", str(row.month), row.line_set, f"{row.part:05d}")
        case Payment():
            return (row.msp_id, "Payment", f"{row.number:09d}")
        case _:
            return (row.msp_id, type(row).__name__)


def page_of[T](items: Sequence[T], size: int, token: str | None) -> Page[T]:
    if token is not None and not token.isdigit():
        raise MalformedInput("pageToken", "is not one that a page gave")
    start = int(token or 0)
    rest = start + size < len(items)
    return Page(tuple(items[start : start + size]), str(start + size) if rest else None)


class FakeMspStore(MspStore):
    def __init__(self, *rows: Row) -> None:
        self.rows: dict[tuple[str, ...], Versioned[Any]] = {
            _key(row): Versioned(row, _version()) for row in rows
        }
        self.commits: list[tuple[RowChange, ...]] = []
        self.schedule = FakeSyncSchedule()

    def of_kind[T](self, kind: type[T], msp_id: str) -> list[Versioned[T]]:
        found = [v for k, v in self.rows.items() if k[0] == msp_id and isinstance(v.value, kind)]
        return sorted(found, key=lambda v: _key(v.value))

    @override
    async def head(self, msp_id: MspId) -> MspHead | None:
        msp = self.rows.get((msp_id, Msp.__name__))
        if msp is None:
            return None
        slot = self.rows.get((msp_id, PartnerTenantClaim.__name__))
        consent = self.rows.get((msp_id, ConsentRecord.__name__))
        return MspHead(msp, slot, consent, self.rows.get((msp_id, BillingAccount.__name__)))

    @override
    async def snapshot(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        head = await self.head(msp_id)
        if head is None:
            raise NoSuchMsp
        tenant, usage, invite, removal = (
            self.rows.get((msp_id, kind.__name__, tenant_id))
            for kind in (Tenant, TenantUsage, GdapInvite, TenantRemoval)
        )
        return TenantRecords(head, tenant, usage, invite, removal)

    @override
    async def tenant(self, msp_id: MspId, tenant_id: TenantId) -> Versioned[Tenant] | None:
        return self.rows.get((msp_id, "Tenant", tenant_id))

    @override
    async def tenants(
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[Tenant], bool] | None = None,
    ) -> Page[Versioned[Tenant]]:
        found = self.of_kind(Tenant, msp_id)
        return page_of([v for v in found if not keep or keep(v.value)], page_size, token)

    @override
    async def usage(self, msp_id: MspId) -> Sequence[TenantUsage]:
        return [known.value for known in self.of_kind(TenantUsage, msp_id)]

    @override
    async def removals(self, msp_id: MspId) -> Sequence[TenantRemoval]:
        return [known.value for known in self.of_kind(TenantRemoval, msp_id)]

    @override
    async def unpaid_invoices(self, msp_id: MspId) -> Sequence[str]:
        payments = (known.value for known in self.of_kind(Payment, msp_id))
        return [invoice_name(one.number) for one in payments if one.paid_at is None]

    @override
    async def invites(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[GdapInvite]:
        return page_of([v.value for v in self.of_kind(GdapInvite, msp_id)], page_size, token)

    @override
    async def staff_member(
        self, msp_id: MspId, tid: TenantId, oid: ObjectId
    ) -> Versioned[StaffMember] | None:
        return self.rows.get((msp_id, "StaffMember", tid, oid))

    @override
    async def staff(
        self, msp_id: MspId, page_size: int, token: str | None = None
    ) -> Page[StaffMember]:
        return page_of([v.value for v in self.of_kind(StaffMember, msp_id)], page_size, token)

    @override
    async def audit_events(
        self,
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        *,
        tenant_id: TenantId | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[AuditEvent]:
        events = [
            event
            for event in (known.value for known in self.of_kind(AuditEvent, msp_id))
            if tenant_id in (None, event.tenant_id)
            and (since is None or event.at >= since)
            and (until is None or event.at < until)
        ]
        newest_first = sorted(events, key=lambda event: event.at, reverse=True)
        return page_of(newest_first, page_size, token)

    @override
    async def msp_ids(self) -> AsyncIterator[MspId]:
        for key in [key for key in self.rows if key[1:] == (Msp.__name__,)]:
            yield MspId(key[0])

    @override
    async def commit(self, operations: Sequence[RowChange]) -> None:
        if len({operation.row.msp_id for operation in operations}) > 1:
            raise ValueError("a transaction stays in one partition")
        await asyncio.sleep(0)  # concurrent callers have read by now, so one of them is late
        for operation in operations:
            if isinstance(operation, Insert) and isinstance(operation.row, Tenant):
                await self.schedule.add(first_sync(operation.row))
        for operation in operations:
            self._check(operation)
        for operation in operations:
            if isinstance(operation, Remove):
                del self.rows[_key(operation.row)]
            else:
                self.rows[_key(operation.row)] = Versioned(operation.row, _version())
        self.commits.append(tuple(operations))

    def _check(self, operation: RowChange) -> None:
        known = self.rows.get(_key(operation.row))
        if isinstance(operation, Insert):
            if known is not None:
                raise ConcurrentChange("it exists")
        elif known is None or known.version != operation.version:
            raise ConcurrentChange("it has changed")

    def actions(self, msp_id: str) -> list[str]:
        found = [v.value for k, v in self.rows.items() if k[0] == msp_id and k[1] == "AuditEvent"]
        return [event.action for event in found]


class FakeStaffIndex(StaffIndex):
    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], MspId] = {}

    @override
    async def msp_of(self, tid: TenantId, oid: ObjectId) -> Versioned[MspId] | None:
        holder = self.claims.get((tid, oid))
        return Versioned(holder, "1") if holder else None

    @override
    async def claim(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> MspId:
        return self.claims.setdefault((tid, oid), msp_id)

    @override
    async def release(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> None:
        if self.claims.get((tid, oid)) == msp_id:
            del self.claims[tid, oid]


class FakeConsentSessions(ConsentSessions):
    def __init__(self) -> None:
        self.rows: dict[SessionHash, Versioned[ConsentSession]] = {}

    @override
    async def add(self, session: ConsentSession) -> None:
        if session.session in self.rows:
            raise ConcurrentChange("it exists")
        self.rows[session.session] = Versioned(session, _version())

    @override
    async def find(self, session: SessionHash) -> Versioned[ConsentSession] | None:
        return self.rows.get(session)

    @override
    async def replace(self, session: ConsentSession, version: str) -> None:
        known = self.rows.get(session.session)
        if known is None or known.version != version:
            raise ConcurrentChange("it has changed")
        self.rows[session.session] = Versioned(session, _version())


class FakeSyncStates(SyncStates):
    def __init__(self) -> None:
        self.rows: dict[TenantRef, Versioned[SyncState]] = {}

    @override
    async def find(self, ref: TenantRef) -> Versioned[SyncState] | None:
        return self.rows.get(ref)

    @override
    async def of_msp(
        self, msp_id: MspId, first: TenantId | None = None, last: TenantId | None = None
    ) -> Mapping[TenantRef, SyncState]:
        return {
            ref: known.value
            for ref, known in self.rows.items()
            if ref.msp_id == msp_id
            and (first is None or ref.tenant_id >= first)
            and (last is None or ref.tenant_id <= last)
        }

    @override
    async def add(self, state: SyncState) -> str:
        if state.ref in self.rows:
            raise ConcurrentChange("it exists")
        self.rows[state.ref] = Versioned(state, _version())
        return self.rows[state.ref].version

    @override
    async def replace(self, state: SyncState, version: str) -> str:
        known = self.rows.get(state.ref)
        if known is None or known.version != version:
            raise ConcurrentChange("it has changed")
        self.rows[state.ref] = Versioned(state, _version())
        return self.rows[state.ref].version

    @override
    async def remove(self, ref: TenantRef) -> None:
        self.rows.pop(ref, None)


class FakeSyncSchedule(SyncSchedule):
    def __init__(self) -> None:
        self.entries: set[ScheduledSync] = set()

    @override
    async def add(self, entry: ScheduledSync) -> None:
        self.entries.add(entry)

    @override
    async def remove(self, entry: ScheduledSync) -> None:
        self.entries.discard(entry)

    @override
    async def due(self, now: datetime) -> AsyncIterator[ScheduledSync]:
        for entry in [entry for entry in self.entries if entry.due_at <= now]:
            yield entry


class FakePendingWork(PendingWorkStore):
    def __init__(self) -> None:
        self.rows: dict[tuple[WorkKind, TenantRef | SessionRef], PendingWork] = {}

    @override
    async def record(self, intent: PendingWork) -> None:
        known = self.rows.get((intent.kind, intent.subject), intent)
        self.rows[intent.kind, intent.subject] = replace(
            intent,
            deleted=intent.deleted or known.deleted,
            writer_until=intent.writer_until or known.writer_until,
        )

    @override
    async def find(self, kind: WorkKind, subject: TenantRef | SessionRef) -> PendingWork | None:
        return self.rows.get((kind, subject))

    @override
    async def drop(self, kind: WorkKind, subject: TenantRef | SessionRef) -> None:
        self.rows.pop((kind, subject), None)

    @override
    async def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        for intent in [i for i in self.rows.values() if i.queued_at < moment]:
            yield intent
