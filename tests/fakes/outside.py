"""In-memory fakes of everything except storage: clock, queues, Microsoft."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, override

from domain.data_set import DataSet
from domain.errors import MicrosoftUnavailable
from domain.gdap import (
    GdapRelationship,
    Relationships,
    RelationshipState,
    UnreadableRelationship,
)
from domain.identifiers import MspId, SessionRef, TenantId, TenantRef
from domain.msp import Msp
from domain.ports.clock import Clock
from domain.ports.credentials import Credentials
from domain.ports.customer_consent import CustomerConsents
from domain.ports.gdap import Gdap, Relationship
from domain.ports.graph_reader import (
    GraphReader,
    ReadCost,
    Reading,
    Records,
    TenantReader,
    UserPage,
    Wanted,
)
from domain.ports.identity import Identity
from domain.ports.queues import Queues
from domain.ports.synced_records import SyncedRecord
from domain.tenant import Organization, Tenant
from domain.work_queues import (
    COMPLETE_CONSENT,
    CONSENT_CUSTOMER,
    PURGE_TENANT,
    SYNC_TENANT,
    Subject,
    WorkQueue,
)


class FixedClock(Clock):
    def __init__(self, moment: datetime = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)) -> None:
        self.moment = moment

    @override
    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)

    async def pause(self, seconds: float) -> None:
        """Advance the clock without waiting; a wait beyond the callback's time limit ends it."""
        self.advance(seconds=seconds)
        if seconds >= 2:
            raise TimeoutError


class FakeQueues(Queues):
    """Keeps the subjects of what is sent, by queue."""

    def __init__(self) -> None:
        self.syncs: list[TenantRef] = []
        self.delays: list[int] = []
        self.purges: list[TenantRef] = []
        self.consents: list[SessionRef] = []
        self.customers: list[TenantRef] = []
        self.others: list[tuple[str, Subject]] = []

    @override
    async def send[R: Subject](
        self, queue: WorkQueue[R], subject: R, delay_seconds: int = 0
    ) -> None:
        sent: dict[str, list[Any]] = {
            SYNC_TENANT.name: self.syncs,
            PURGE_TENANT.name: self.purges,
            COMPLETE_CONSENT.name: self.consents,
            CONSENT_CUSTOMER.name: self.customers,
        }
        if queue.name not in sent:
            self.others.append((queue.name, subject))
            return
        sent[queue.name].append(subject)
        if queue.name == SYNC_TENANT.name:
            self.delays.append(delay_seconds)


class FakeIdentity(Identity):
    """Answers each proof with the next scripted result; the last one repeats."""

    def __init__(self, *script: Organization | BaseException) -> None:
        self.script = list(script)
        self.asked: list[TenantId] = []

    @override
    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        self.asked.append(tenant_id)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class FakeConsents(CustomerConsents):
    """Consents of customers at Microsoft; `given` holds the tenants with their version.

    Args:
        refusal: Raised by Partner Center.
        token_refusal: Raised instead of the customers' tokens.
        unproven: How many proofs fail after a consent was given, while it propagates.
    """

    def __init__(self, version: str = "2") -> None:
        self.version = version
        self.given: dict[TenantId, str] = {}
        self.refusal: Exception | None = None
        self.token_refusal: Exception | None = None
        self.unproven = 0
        self.gave: list[TenantId] = []

    @override
    def version_of(self, msp: Msp) -> str:
        return self.version

    @override
    async def is_given(self, msp: Msp, tenant_id: TenantId) -> bool:
        await asyncio.sleep(0)
        if self.token_refusal:
            raise self.token_refusal
        if self.given.get(tenant_id) == self.version and self.unproven:
            self.unproven -= 1
            return False
        return self.given.get(tenant_id) == self.version

    @override
    async def give(self, msp: Msp, tenant_id: TenantId) -> None:
        await asyncio.sleep(0)
        if self.refusal:
            raise self.refusal
        self.gave.append(tenant_id)
        self.given[tenant_id] = self.version


class FakeCredentials(Credentials):
    """Credentials that expire at one time, or never."""

    def __init__(self, ends: datetime | None = None) -> None:
        self.ends = ends

    @override
    async def expires_at(self, msp: Msp) -> datetime | None:
        return self.ends


class FakeGdap(Gdap):
    """GDAP at Microsoft, in memory: relationships by MSP, and what customers do with them."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self.made: list[TenantId] = []
        self.known: dict[str, tuple[MspId, GdapRelationship]] = {}
        self.assigned: dict[str, str] = {}
        self.failure: Exception | None = None
        self.failing_msps: set[MspId] = set()
        self.access_takes_its_time = False
        self.unreadable: tuple[UnreadableRelationship, ...] = ()

    @override
    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        if self.failure:
            raise self.failure
        self.made.append(tenant_id)
        made = self.make(msp.msp_id, tenant_id, display_name, f"r-{len(self.made)}")
        return Relationship(made.relationship_id, made.invite_url, made.ends_at)

    def make(
        self,
        msp_id: MspId,
        tenant_id: TenantId,
        name: str | None = "Customer",
        key: str | None = None,
    ) -> GdapRelationship:
        """Create a relationship that waits for approval, as Partner Center also does."""
        now = self._clock.now()
        key = key or f"p-{len(self.known) + 1}"
        made = GdapRelationship(
            relationship_id=key,
            tenant_id=tenant_id,
            display_name=name,
            state=RelationshipState.PENDING,
            status="approvalPending",
            invite_url=f"https://invite/{key}",
            created_at=now,
            activated_at=None,
            ends_at=now + timedelta(days=90),
        )
        self.known[key] = (msp_id, made)
        return made

    def accept(self, key: str) -> None:
        now = self._clock.now()
        self._move(
            key,
            state=RelationshipState.ACTIVE,
            status="active",
            activated_at=now,
            ends_at=now + timedelta(days=730),
        )

    def end(self, key: str, status: str = "terminated") -> None:
        self._move(key, state=RelationshipState.ENDED, status=status, ends_at=self._clock.now())

    def _move(self, key: str, **changes: Any) -> None:
        msp_id, relationship = self.known[key]
        self.known[key] = (msp_id, replace(relationship, **changes))

    @override
    async def relationships(self, msp: Msp) -> Relationships:
        if msp.msp_id in self.failing_msps:
            raise MicrosoftUnavailable("no answer")
        found = tuple(found for msp_id, found in self.known.values() if msp_id == msp.msp_id)
        return Relationships(found, self.unreadable)

    @override
    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        if self.failure:
            raise self.failure
        done = self.assigned.get(relationship.relationship_id) == msp.app.access
        self.assigned[relationship.relationship_id] = msp.app.access
        return done or not self.access_takes_its_time


class FakeGraph(GraphReader, TenantReader):
    """A scripted Graph; it is the reader of every tenant.

    Args:
        pages: Pages of a full read of the users; each is a list, or the error raised there.
        changed: The result of each next read of changes; without a script nothing changes.
        known: Every user that a page has named, as returned when it is requested by its key.
    """

    def __init__(self) -> None:
        self.small: dict[str, Reading] = {}
        self.granted: frozenset[str] | None = None
        self.delegated = False
        self.on_read: Callable[[], Awaitable[None]] | None = None
        self.wanted: list[Wanted] = []
        self.pages: list[Sequence[SyncedRecord] | UserPage | Exception] = []
        self.changed: list[UserPage | Exception] = []
        self.known: dict[str, SyncedRecord] = {}
        self.domain: str | None = None
        self._cost = ReadCost()
        self.asked: list[str] = []
        self.links = 0

    @property
    @override
    def cost(self) -> ReadCost:
        return self._cost

    @override
    def of(self, msp: Msp, tenant: Tenant) -> "FakeGraph":
        return self

    @property
    @override
    def is_delegated(self) -> bool:
        return self.delegated

    @override
    async def permissions(self, *, fresh: bool) -> frozenset[str] | None:
        return self.granted

    @override
    async def read(self, wanted: Sequence[Wanted]) -> AsyncIterator[tuple[DataSet, Reading]]:
        self.asked.append("small data sets")
        self.wanted += wanted
        if self.on_read:
            await self.on_read()
        none: Reading = Records(())
        for one in wanted:
            yield one.data_set, self.small.get(one.data_set.name, none)

    @override
    async def primary_domain(self) -> str | None:
        self.asked.append("primary domain")
        return self.domain

    @override
    async def delta_link(self) -> str:
        self.asked.append("delta link")
        self.links += 1
        return f"delta {self.links - 1}"

    @override
    async def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        self.asked.append(f"users {next_link}")
        start = int(next_link) if next_link else 0
        for number, page in enumerate(self.pages[start:], start + 1):
            if isinstance(page, Exception):
                raise page
            whole = page if isinstance(page, UserPage) else UserPage(page)
            yield self._remembered(
                replace(whole, next_link=str(number) if number < len(self.pages) else None)
            )

    @override
    async def changes(self, link: str) -> AsyncIterator[UserPage]:
        self.asked.append(f"changes {link}")
        changed = self.changed.pop(0) if self.changed else UserPage((), delta_link=link)
        if isinstance(changed, Exception):
            raise changed
        yield self._remembered(changed)

    @override
    async def users_of(self, keys: Sequence[str]) -> UserPage:
        self.asked.append(f"users {' '.join(sorted(keys))} by themselves")
        found = [self.known[key] for key in keys if key in self.known]
        return UserPage(found, [key for key in keys if key not in self.known])

    def _remembered(self, page: UserPage) -> UserPage:
        for key in page.removed:
            self.known.pop(key, None)
        for record in page.records:
            before = self.known.get(record.key, record)
            document = {**before.document, **record.document}
            self.known[record.key] = replace(before, document=document)
        return page
