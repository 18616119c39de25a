"""One MSP with its tenants, and the ports of sync."""

from dataclasses import replace
from datetime import timedelta

from core.known_data_sets import DATA_SETS
from core.sync_requests import SyncRequests
from domain.data_set import DataSet
from domain.ports.synced_records import SyncedRecord
from domain.sync_request import first_sync
from domain.sync_state import FIRST_SYNC, SyncState
from domain.tenant import Tenant
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.fakes.outside import FakeGraph, FakeQueues, FixedClock
from tests.fakes.portfolio import FakeUserIndex, FakeWholeReads
from tests.fakes.records import FakeSyncedRecords, FakeTenantData
from tests.fakes.storage import FakeMspStore, FakeSyncSchedule, FakeSyncStates
from tests.samples import MSP, tenant


class World:
    """One MSP with one customer, or with the given tenants, and a scripted Graph."""

    def __init__(self, *tenants: Tenant) -> None:
        self.tenant = tenants[0] if tenants else tenant()
        self.clock, self.queues = FixedClock(), FakeQueues()
        self.store = FakeMspStore(MSP, *(tenants or (self.tenant,)))
        self.states, self.records = FakeSyncStates(), FakeSyncedRecords()
        self.tenant_data = FakeTenantData()
        self.index = FakeUserIndex()
        self.whole_reads = FakeWholeReads()
        self.schedule = FakeSyncSchedule()
        self.schedule.entries = {first_sync(known) for known in tenants or (self.tenant,)}
        self.graph = FakeGraph()
        self.requests = SyncRequests(self.states, self.schedule, self.queues)
        self.ports = SyncPorts(
            msps=self.store,
            states=self.states,
            schedule=self.schedule,
            records=self.records,
            tenant_data=self.tenant_data,
            reader=self.graph,
            requests=self.requests,
            profiles=MspProfiles(self.store, self.clock),
            clock=self.clock,
            user_index=self.index,
            whole_reads=self.whole_reads,
            data_sets=[DATA_SETS[name] for name in FIRST_SYNC],
            interval=timedelta(hours=6),
        )

    def read_only(self, *data_sets: DataSet) -> None:
        """Read other data sets than those of the first sync."""
        self.ports = replace(self.ports, data_sets=data_sets)

    def stored(self, name: str) -> list[str]:
        """Return the keys of a data set that is stored as a whole."""
        return sorted(self.tenant_data.rows.get(self.tenant.ref, {}).get(name, {}))

    async def request(self) -> None:
        await self.requests.request(self.tenant.ref, self.clock.now())

    async def sync(self) -> SyncState:
        if self.tenant.ref in self.states.rows:
            self.clock.advance(seconds=1)  # A request at the same time asks for nothing.
        await self.request()
        await sync_tenant(self.ports, self.tenant.ref)
        return self.state

    @property
    def state(self) -> SyncState:
        return self.states.rows[self.tenant.ref].value

    def users(self) -> list[str]:
        return sorted(self.records.rows.get(self.tenant.ref, {}))


def user(key: str, name: str = "Adele") -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name})
