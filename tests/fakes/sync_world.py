"""One MSP with its tenants, and the ports of sync."""

from core.sync_requests import SyncRequests
from domain.ports.synced_records import SyncedRecord
from domain.sync_request import first_sync
from domain.sync_state import DataSet, SyncState
from domain.tenant import Tenant
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.fakes.outside import FakeGraph, FakeQueues, FixedClock
from tests.fakes.portfolio import FakeUserIndex, FakeWholeReads
from tests.fakes.records import FakeSyncedRecords
from tests.fakes.storage import FakeMspStore, FakeSyncSchedule, FakeSyncStates
from tests.samples import MSP, tenant


class World:
    """One MSP with one customer, or with the given tenants, and a scripted Graph."""

    def __init__(self, *tenants: Tenant) -> None:
        self.tenant = tenants[0] if tenants else tenant()
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.store = FakeMspStore(MSP, *(tenants or (self.tenant,)))
        self.states, self.records = FakeSyncStates(), FakeSyncedRecords()
        self.index = FakeUserIndex()
        self.whole_reads = FakeWholeReads()
        self.schedule = FakeSyncSchedule()
        self.schedule.entries = {first_sync(known) for known in tenants or (self.tenant,)}
        self.graph = FakeGraph()
        self.requests = SyncRequests(self.states, self.schedule, self.queues)
        self.ports = SyncPorts(
            self.store,
            self.states,
            self.schedule,
            self.records,
            self.graph,
            self.requests,
            MspProfiles(self.store, self.clock),
            self.clock,
            self.index,
            self.whole_reads,
        )

    async def request(self) -> None:
        await self.requests.request(self.tenant.ref, self.clock.now())

    async def sync(self) -> SyncState:
        await self.request()
        await sync_tenant(self.ports, self.tenant.ref)
        return self.state

    @property
    def state(self) -> SyncState:
        return self.states.rows[self.tenant.ref].value

    def users(self) -> list[str]:
        return sorted(self.records.rows.get((DataSet.USERS, self.tenant.ref), {}))


def user(key: str, name: str = "Adele") -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name})
