"""One tenant that is synced in this process, with real storage and HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.known_data_sets import DATA_SETS
from core.sync_requests import SyncRequests
from domain.identifiers import MspId, TenantRef, new_epoch
from domain.row_changes import Insert
from domain.sync_state import FIRST_SYNC, SyncState
from domain.tenant import Tenant
from domain.user_block import Entry, covers_every_hash, entry_of
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.samples import tenant
from tests.simulation import MSP, OWN, Simulation

_USER = {
    *("id", "displayName", "userPrincipalName", "mail", "accountEnabled", "userType"),
    *("createdDateTime", "assignedLicenses", "jobTitle", "department", "usageLocation"),
    "onPremisesSyncEnabled",
}


@dataclass
class Synced:
    """A partner tenant of its own MSP."""

    ports: SyncPorts
    storage: Storage
    simulation: Simulation
    tenant: Tenant

    @property
    def ref(self) -> TenantRef:
        return self.tenant.ref

    async def request(self) -> None:
        await self.ports.requests.request(self.ref, self.ports.clock.now())

    async def sync_once(self) -> None:
        """Sync as a worker does for a message on the queue."""
        await sync_tenant(self.ports, self.ref)

    async def sync(self) -> SyncState:
        """Sync until the sync is no longer postponed."""
        await self.request()
        while True:
            await self.sync_once()
            state = await self.state()
            if state.not_before is None:
                return state
            wait = state.not_before - self.ports.clock.now()
            await asyncio.sleep(max(0, wait.total_seconds()))

    async def state(self) -> SyncState:
        known = await self.storage.sync_states.find(self.ref)
        assert known is not None
        return known.value

    async def stored(self, name: str = "users") -> list[dict[str, Any]]:
        """Return a data set's documents in the order of their keys."""
        if name != "users":
            documents = await self.storage.tenant_data.read(self.ref, name) or {}
            return [dict(document) for document in documents.values()]
        rows: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = await self.storage.records.page(self.ref, 1000, token)
            rows += [dict(document) for document in page.items]
            token = page.next_token
            if token is None:
                return rows

    async def check_index(self) -> None:
        """Check that the search index and the counts match the rows."""
        users = await self.stored()
        blocks = await self.storage.user_index.of_msp(self.ref.msp_id)
        indexed: dict[str, Entry] = {}
        for block in blocks.values():
            indexed |= block.value.entries()
        assert indexed == {user["id"]: entry_of(user["id"], user) for user in users}
        assert covers_every_hash([name for _, name in blocks])
        state = await self.state()
        enabled = sum(user["accountEnabled"] for user in users)
        assert (state.roll_up.users, state.roll_up.enabled_users) == (len(users), enabled)
        assert state.data_set("users").count == len(users)

    async def at_graph(self, graph: GraphClient, tokens: TokenSource) -> list[dict[str, Any]]:
        """Return the users that Graph has now, read without the product's reader."""
        token = await tokens.app_token(MSP, OWN)
        link: str | None = f"/users?$top=999&$select={','.join(sorted(_USER))}"
        users: list[dict[str, Any]] = []
        while link:
            document = await graph.get(link, token, ReadBudget(30))
            users += [_selected(user) for user in document["value"]]
            link = document.get("@odata.nextLink")
        return sorted(users, key=lambda user: str(user["id"]))


def _selected(user: dict[str, Any]) -> dict[str, Any]:
    licences = [{"skuId": licence["skuId"]} for licence in user["assignedLicenses"]]
    return {name: user[name] for name in _USER} | {"assignedLicenses": licences}


@asynccontextmanager
async def synced(
    connection_string: str,
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    patience_seconds: float = 20,
) -> AsyncIterator[Synced]:
    """Add an MSP with its partner tenant to storage, and open the services that sync it."""
    storage = Storage.connect(connection_string)
    queues = StorageQueues.connect(connection_string)
    await storage.create_tables()
    await queues.create_queues()
    msp = replace(MSP, msp_id=MspId(str(uuid4())))
    own = tenant(OWN, msp_id=msp.msp_id, epoch=new_epoch(), is_own_msp_tenant=True)
    await storage.msps.commit((Insert(msp), Insert(own)))
    clock = SystemClock()
    ports = SyncPorts(
        msps=storage.msps,
        states=storage.sync_states,
        schedule=storage.sync_schedule,
        records=storage.records,
        tenant_data=storage.tenant_data,
        reader=GraphReaders(tokens, graph, patience_seconds),
        requests=SyncRequests(storage.sync_states, storage.sync_schedule, queues),
        profiles=MspProfiles(storage.msps, clock),
        clock=clock,
        user_index=storage.user_index,
        whole_reads=storage.whole_reads,
        data_sets=[DATA_SETS[name] for name in FIRST_SYNC],
        interval=timedelta(hours=6),
    )
    yield Synced(ports, storage, simulation, own)
    await storage.close()
    await queues.close()
