"""One MSP with its tenants, and what sync needs."""

from domain.ports import SyncedRecord
from domain.sync_request import request_sync
from domain.sync_state import DataSet, SyncState
from domain.tenant import Tenant
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.fakes.outside import FakeGraphReader, FakeQueues, FixedClock
from tests.fakes.storage import FakeMspStore, FakeSyncedRecords, FakeSyncStates
from tests.samples import MSP, tenant


class World:
    """One MSP with one customer, and a Graph that follows a script."""

    def __init__(self, *tenants: Tenant) -> None:
        self.tenant = tenants[0] if tenants else tenant()
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.store = FakeMspStore(MSP, *(tenants or (self.tenant,)))
        self.states, self.records = FakeSyncStates(), FakeSyncedRecords()
        self.reader = FakeGraphReader()
        self.ports = SyncPorts(
            self.store, self.states, self.records, self.reader, self.queues, self.clock
        )

    async def request(self) -> None:
        await request_sync(self.states, self.queues, self.tenant.ref, self.clock.now())

    async def sync(self) -> SyncState:
        await self.request()
        await sync_tenant(self.ports, self.tenant.ref)
        return self.states.rows[self.tenant.ref].value

    def users(self) -> list[str]:
        return sorted(self.records.rows.get((DataSet.USERS, self.tenant.ref), {}))


def user(key: str, name: str = "Adele") -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name})
