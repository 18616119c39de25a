"""The app in this process; its functions are called as the Functions host calls them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import azure.functions as func

from core.known_data_sets import DATA_SETS
from core.sync_requests import SyncRequests
from domain.identifiers import MspId, ObjectId, TenantId
from domain.messages import write_tenant_ref
from domain.msp import Msp
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.staff_index import StaffIndex
from domain.ports.sync_schedule import SyncSchedule
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.tenant import Organization
from domain.work_queues import queue_named
from edge.authorization import Gate
from edge.paging import PageTokens
from edge.routes import Edge
from edge.tokens import Person
from gdap.functions import gdap_functions
from gdap.ports import GdapPorts
from mytenant.functions import MyTenantPorts
from mytenant.functions import routes as my_tenant_routes
from sync.functions import sync_functions
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts
from tenants.functions import tenant_functions
from tenants.ports import TenantPorts
from tests.fakes.outside import (
    FakeConsents,
    FakeCredentials,
    FakeGdap,
    FakeGraph,
    FakeQueues,
    FixedClock,
)
from tests.fakes.sync_world import user
from work.functions import work_functions
from work.requeue import WorkPorts


@dataclass(frozen=True, slots=True)
class Stores:
    """All storage that the state machine's routes use, fake or real."""

    msps: MspStore
    staff_index: StaffIndex
    sync_states: SyncStates
    sync_schedule: SyncSchedule
    records: SyncedRecords
    tenant_data: TenantData
    pending_work: PendingWorkStore
    user_index: UserIndex
    whole_reads: WholeReads


class NameVerifier:
    """Accepts a token that names the caller; the edge's own tests cover real tokens."""

    async def verify(self, authorization: str | None) -> Person:
        tid, _, oid = (authorization or "").removeprefix("Bearer ").partition("/")
        return Person(TenantId(tid), ObjectId(oid))


class ConsentingIdentity:
    """An identity for which every tenant has consented."""

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        return Organization(tenant_id, msp.name, "example.com")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any


class App:
    """Every area that takes part in a tenant's lifecycle, over the given stores."""

    def __init__(self, stores: Stores) -> None:
        self.stores, self.clock = stores, FixedClock()
        self.queues, self.gdap, self.graph = FakeQueues(), FakeGdap(self.clock), FakeGraph()
        self.consents = FakeConsents()
        self.graph.pages = [[user("a"), user("b")], [user("c")]]
        self.graph.domain = "example.com"
        self._functions: dict[str, Callable[..., Any]] = {}
        for blueprint in self._blueprints():
            app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
            app.register_functions(blueprint)
            for function in app.get_functions():
                self._functions[str(function.get_function_name())] = function.get_user_function()

    def _blueprints(self) -> list[func.Blueprint]:
        of, clock, queues = self.stores, self.clock, self.queues
        requests = SyncRequests(of.sync_states, of.sync_schedule, queues)
        gate = Gate(NameVerifier(), of.staff_index, of.msps, clock, timedelta(0))  # type: ignore[arg-type]  # replaces the verifier
        edge = Edge(gate, PageTokens("k" * 32))
        identity = ConsentingIdentity()
        mine = MyTenantPorts(
            msps=of.msps,
            sync_states=of.sync_states,
            sync_requests=requests,
            pending_work=of.pending_work,
            queues=queues,
            identity=identity,
            clock=clock,
            credentials=FakeCredentials(),
        )
        tenants = TenantPorts(
            msps=of.msps,
            sync_states=of.sync_states,
            sync_requests=requests,
            records=of.records,
            tenant_data=of.tenant_data,
            pending_work=of.pending_work,
            queues=queues,
            clock=clock,
            user_index=of.user_index,
            whole_reads=of.whole_reads,
        )
        sync = SyncPorts(
            msps=of.msps,
            states=of.sync_states,
            schedule=of.sync_schedule,
            records=of.records,
            tenant_data=of.tenant_data,
            reader=self.graph,
            requests=requests,
            profiles=MspProfiles(of.msps, clock),
            clock=clock,
            user_index=of.user_index,
            whole_reads=of.whole_reads,
            data_sets=DATA_SETS.values(),
            interval=timedelta(hours=6),
        )
        gdap = GdapPorts(of.msps, self.gdap, requests, clock, self.consents, of.pending_work)
        work = WorkPorts(msps=of.msps, pending_work=of.pending_work, queues=queues, clock=clock)
        return [
            my_tenant_routes.bind(edge, mine),
            tenant_functions(edge, tenants),
            gdap_functions(edge, gdap),
            sync_functions(sync),
            work_functions(work, timedelta(minutes=2)),
        ]

    async def call(self, caller: str, name: str, method: str, path: str, body: Any = None) -> Reply:
        """Call a route by its function's name, as a given person."""
        request = func.HttpRequest(
            method,
            f"https://api.example{path}",
            headers={"Authorization": f"Bearer {caller}"},
            route_params={"tenantId": path.split("/")[2]} if path.count("/") > 1 else {},
            body=json.dumps(body).encode() if body is not None else b"",
        )
        response: func.HttpResponse = await self._functions[name](request)
        text = response.get_body()
        return Reply(response.status_code, json.loads(text) if text else None)

    async def fire(self, timer: str) -> None:
        """Fire a timer, and deliver the messages that it sends, each twice."""
        await self._functions[timer](None)
        sent, self.queues.others = self.queues.others, []
        for name, subject in sent * 2:
            queue = queue_named(name)
            message = func.QueueMessage(id=str(uuid4()), body=queue.write(subject).encode())
            await self._functions[queue.function](message)

    async def take(self, *, twice: bool = False) -> bool:
        """Take a message off a queue, if there is one; its function may receive it twice."""
        queues = self.queues
        queue, name = queues.syncs, "sync_tenant"
        if not queue:
            queue, name = queues.purges, "purge_tenant"
        if not queue:
            queue, name = queues.customers, "consent_customer"
        if not queue:
            return False
        text = write_tenant_ref(queue.pop(0)).encode()
        for _ in range(2 if twice else 1):
            await self._functions[name](func.QueueMessage(id=str(uuid4()), body=text))
        return True


def caller(tid: TenantId, oid: ObjectId) -> str:
    """Return the caller that a token names."""
    return f"{tid}/{oid}"


__all__ = ["App", "MspId", "Reply", "Stores", "caller"]
