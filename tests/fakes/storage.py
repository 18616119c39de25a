"""Storage in memory, with versions and transactions as Azure Tables has them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any, override
from zlib import crc32

from domain.audit import ALL, AuditEvent, AuditFilter
from domain.billing_account import BillingAccount
from domain.consent_session import ConsentRecord, ConsentSession
from domain.errors import ConcurrentChange, MalformedInput, NoSuchMsp
from domain.identifiers import MspId, ObjectId, ScheduleRange, SessionHash, TenantId, TenantRef
from domain.msp import Msp
from domain.ports.consent_sessions import ConsentSessions
from domain.ports.msp_store import MspHead, MspStore, TenantRecords
from domain.ports.page import Page
from domain.ports.pending_work import PendingWork, PendingWorkStore
from domain.ports.staff_index import StaffIndex
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.row_changes import Insert, Remove, Row, RowChange, Versioned
from domain.row_kinds import kind_of
from domain.sync_request import first_sync
from domain.sync_state import ScheduledSync, SyncState
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant, TenantRemoval
from domain.usage import TenantUsage
from domain.work_queues import Recorded, WorkQueue

_versions = count(1)


def _version() -> str:
    return f'W/"{next(_versions)}"'


def _key(row: Row) -> tuple[str, ...]:
    return (row.msp_id, type(row).__name__, *kind_of(type(row)).parts(row))


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

    def of_kind[R: Row](self, kind: type[R], msp_id: str) -> list[Versioned[R]]:
        found = [v for k, v in self.rows.items() if k[0] == msp_id and isinstance(v.value, kind)]
        return sorted(found, key=lambda v: _key(v.value))

    @override
    async def head(self, msp_id: MspId) -> MspHead | None:
        msp = await self.find(Msp, msp_id)
        if msp is None:
            return None
        slot = await self.find(PartnerTenantClaim, msp_id)
        consent = await self.find(ConsentRecord, msp_id)
        return MspHead(msp, slot, consent, await self.find(BillingAccount, msp_id))

    @override
    async def tenant_records(self, msp_id: MspId, tenant_id: TenantId) -> TenantRecords:
        head = await self.head(msp_id)
        if head is None:
            raise NoSuchMsp
        return TenantRecords(
            head,
            await self.find(Tenant, msp_id, tenant_id),
            await self.find(TenantUsage, msp_id, tenant_id),
            await self.find(GdapInvite, msp_id, tenant_id),
            await self.find(TenantRemoval, msp_id, tenant_id),
        )

    @override
    async def find[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Versioned[R] | None:
        return self.rows.get((msp_id, kind.__name__, *key))

    @override
    async def page[R: Row](
        self,
        kind: type[R],
        msp_id: MspId,
        page_size: int,
        token: str | None = None,
        keep: Callable[[R], bool] | None = None,
        key: Sequence[str] = (),
    ) -> Page[Versioned[R]]:
        start = (msp_id, kind.__name__, *key)
        found = [v for v in self.of_kind(kind, msp_id) if _key(v.value)[: len(start)] == start]
        return page_of([v for v in found if not keep or keep(v.value)], page_size, token)

    @override
    async def all[R: Row](self, kind: type[R], msp_id: MspId, *key: str) -> Sequence[R]:
        start = (msp_id, kind.__name__, *key)
        found = (known.value for known in self.of_kind(kind, msp_id))
        return [row for row in found if _key(row)[: len(start)] == start]

    @override
    async def audit_events(
        self, msp_id: MspId, page_size: int, token: str | None = None, shown: AuditFilter = ALL
    ) -> Page[AuditEvent]:
        events = [
            event
            for event in (known.value for known in self.of_kind(AuditEvent, msp_id))
            if shown.tenant_id in (None, event.tenant_id)
            and (shown.since is None or event.at >= shown.since)
            and (shown.until is None or event.at < shown.until)
        ]
        return page_of(events, page_size, token)

    @override
    async def msp_ids(self) -> AsyncIterator[MspId]:
        for key in [key for key in self.rows if key[1:] == (Msp.__name__,)]:
            yield MspId(key[0])

    @override
    async def commit(self, operations: Sequence[RowChange]) -> None:
        if len({operation.row.msp_id for operation in operations}) > 1:
            raise ValueError("a transaction stays in one partition")
        await asyncio.sleep(0)  # whoever runs at once has read by now, and one of them is late
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
        found = [v.value for k, v in self.rows.items() if k[:2] == (msp_id, "AuditEvent")]
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
    async def remove(self, ref: TenantRef, version: str | None = None) -> None:
        known = self.rows.get(ref)
        if known is not None and version not in (None, known.version):
            raise ConcurrentChange
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
    def partitions(self) -> Sequence[ScheduleRange]:
        return [ScheduleRange(name) for name in ("even", "odd")]

    @override
    def between(self, first: ScheduledSync, last: ScheduledSync) -> ScheduleRange:
        return ScheduleRange(self._partition(first), self._row(first), self._row(last))

    @override
    async def due(self, within: ScheduleRange, now: datetime) -> AsyncIterator[ScheduledSync]:
        for entry in sorted(self.entries, key=self._row):
            is_within = within.first <= self._row(entry) <= (within.last or "~")
            if self._partition(entry) == within.partition and is_within and entry.due_at <= now:
                yield entry

    def _partition(self, entry: ScheduledSync) -> str:
        return "odd" if crc32(entry.ref.tenant_id.encode()) % 2 else "even"

    def _row(self, entry: ScheduledSync) -> str:
        ref = entry.ref
        return f"{entry.due_at:%Y-%m-%dT%H:%M:%SZ}:{ref.msp_id}:{ref.tenant_id}:{ref.epoch}"


class FakePendingWork(PendingWorkStore):
    def __init__(self) -> None:
        self.rows: dict[tuple[WorkQueue[Any], Recorded], PendingWork] = {}

    @override
    async def record(self, work: PendingWork) -> None:
        known = self.rows.get((work.queue, work.subject), work)
        self.rows[work.queue, work.subject] = replace(
            work,
            deleted=work.deleted or known.deleted,
            writer_until=work.writer_until or known.writer_until,
        )

    @override
    async def find[R: Recorded](self, queue: WorkQueue[R], subject: R) -> PendingWork | None:
        return self.rows.get((queue, subject))

    @override
    async def drop[R: Recorded](self, queue: WorkQueue[R], subject: R) -> None:
        self.rows.pop((queue, subject), None)

    @override
    async def queued_before(self, moment: datetime) -> AsyncIterator[PendingWork]:
        for work in [known for known in self.rows.values() if known.queued_at < moment]:
            yield work
