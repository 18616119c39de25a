"""What is outside of storage, in memory: clock, queues, Microsoft."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from domain.identifiers import SessionRef, TenantId, TenantRef
from domain.msp import Msp
from domain.ports import Relationship, SyncedRecord, Unreadable
from domain.sync_state import DataSet
from domain.tenant import Organization, Tenant


class FixedClock:
    def __init__(self, moment: datetime = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)

    async def pause(self, seconds: float) -> None:
        """Let time pass at once; a wait beyond the callback's patience ends it."""
        self.advance(seconds=seconds)
        if seconds >= 2:
            raise TimeoutError


class FakeQueues:
    def __init__(self) -> None:
        self.syncs: list[TenantRef] = []
        self.purges: list[TenantRef] = []
        self.consents: list[SessionRef] = []

    async def sync_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        self.syncs.append(ref)

    async def purge_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        self.purges.append(ref)

    async def complete_consent(self, ref: SessionRef, delay_seconds: int = 0) -> None:
        self.consents.append(ref)


class FakeIdentity:
    """Answers each proof with the next of a script; the last goes on for ever."""

    def __init__(self, *script: Organization | Exception) -> None:
        self.script = list(script)
        self.asked: list[TenantId] = []

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        self.asked.append(tenant_id)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeGdap:
    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self.made: list[TenantId] = []
        self.failure: Exception | None = None

    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        if self.failure:
            raise self.failure
        self.made.append(tenant_id)
        expires = self._clock.now() + timedelta(days=90)
        return Relationship(f"r-{len(self.made)}", f"https://invite/{len(self.made)}", expires)


class FakeGraphReader:
    """Yields scripted pages of each data set."""

    def __init__(self) -> None:
        self.script: dict[DataSet, list[Sequence[SyncedRecord] | Unreadable]] = {}

    async def pages(
        self, msp: Msp, tenant: Tenant, data_set: DataSet
    ) -> AsyncIterator[Sequence[SyncedRecord] | Unreadable]:
        for page in self.script.get(data_set, [[]]):
            yield page
