"""The whole service in this process, over Azurite and the simulated Microsoft."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import azure.functions as func
import pytest

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from adapters.tables.storage import Storage
from core.known_data_sets import DATA_SETS
from domain.identifiers import MspId, ObjectId, new_epoch
from domain.roles import Role, StaffMember
from domain.row_changes import Insert
from domain.sync_state import FIRST_SYNC, SyncState
from domain.tenant import PartnerTenantClaim, Tenant
from edge.authorization import Gate
from settings import Settings
from sync.sync_tenant import SyncPorts, sync_tenant
from tests.machine.app import NameVerifier
from tests.samples import tenant
from tests.simulation import MSP, OWN, Simulation
from wiring import blueprints
from wiring.services import Services
from wiring.workers import sync_ports

_READS = {
    "get_my_tenant": "/my-tenant",
    "list_tenants": "/tenants",
    "list_gdap_invites": "/gdap/invites",
    "search_portfolio_users": "/portfolio/users?search=us",
    "get_portfolio_summary": "/portfolio/summary",
    "preview_invoice": "/billing/preview",
    "list_audit_events": "/audit-events",
    "get_tenant": "/tenants/{tenant}",
    "list_users": "/tenants/{tenant}/users?search=a",
    "list_licences": "/tenants/{tenant}/licences",
    "list_secure_scores": "/tenants/{tenant}/secure-scores",
    "list_conditional_access_policies": "/tenants/{tenant}/conditional-access-policies",
}


@dataclass
class Service:
    """The routes as an MSP's staff call them, and the workers of queues and timers."""

    services: Services
    simulation: Simulation
    functions: dict[str, Callable[..., Any]]
    msp_id: MspId = field(default_factory=lambda: MspId(str(uuid4())))
    oid: ObjectId = field(default_factory=lambda: ObjectId(str(uuid4())))

    @property
    def storage(self) -> Storage:
        return self.services.storage

    @property
    def sync_ports(self) -> SyncPorts:
        """The ports of sync, limited to the data sets that are shown with the tenant."""
        first = [DATA_SETS[name] for name in FIRST_SYNC]
        return replace(sync_ports(self.services), data_sets=first)

    async def of_another_msp(self) -> "Service":
        """Return the service for the staff of a new MSP."""
        other = Service(self.services, self.simulation, self.functions)
        await other.onboard()
        return other

    async def onboard(self) -> None:
        """Add the MSP and its owner."""
        owner = StaffMember(self.msp_id, OWN, self.oid, Role.OWNER, "Adele Vance")
        msp = replace(MSP, msp_id=self.msp_id, owners=1, onboarded_at=datetime.now(UTC))
        await self.storage.msps.commit((Insert(msp), Insert(owner)))
        await self.storage.staff_index.claim(OWN, self.oid, self.msp_id)

    async def partner_tenant(self) -> Tenant:
        """Add a partner tenant that was never synced."""
        own = tenant(OWN, msp_id=self.msp_id, epoch=new_epoch(), is_own_msp_tenant=True)
        slot = PartnerTenantClaim(self.msp_id, OWN)
        await self.storage.msps.commit((Insert(own), Insert(slot)))
        return own

    async def sync(self, own: Tenant) -> SyncState:
        ports = self.sync_ports
        await ports.requests.request(own.ref, ports.clock.now())
        await sync_tenant(ports, own.ref)
        known = await self.storage.sync_states.find(own.ref)
        assert known is not None
        return known.value

    async def call(self, name: str, method: str, path: str, body: Any = None) -> int:
        """Call a route as the owner; return its status."""
        address, _, query = path.partition("?")
        parts = address.split("/")
        request = func.HttpRequest(
            method,
            f"https://api.example{path}",
            headers={"Authorization": f"Bearer {OWN}/{self.oid}"},
            params=dict(pair.split("=") for pair in query.split("&") if pair),
            route_params={"tenantId": parts[2]} if parts[1] == "tenants" and parts[2:] else {},
            body=json.dumps(body).encode() if body is not None else b"",
        )
        response: func.HttpResponse = await self.functions[name](request)
        return int(response.status_code)

    async def broken_routes(self) -> list[str]:
        """Return the routes that fail on the stored data."""
        statuses = {
            path: await self.call(name, "GET", path.replace("{tenant}", OWN))
            for name, path in _READS.items()
        }
        return [
            f"{path}: {status}" for path, status in statuses.items() if status not in (200, 404)
        ]


@asynccontextmanager
async def opened(
    azurite: str,
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Service]:
    """Open the service for one MSP."""
    for name, value in simulation.app_environment(azurite).items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    services = replace(Services.from_settings(settings), tokens=tokens, graph=graph)
    await services.storage.create_tables()
    await services.queues.create_queues()

    def gate(of: Services) -> Gate:
        verifier = cast("Any", NameVerifier())
        stores = of.storage
        return Gate(verifier, stores.staff_index, stores.msps, of.clock, timedelta(0))

    monkeypatch.setattr(blueprints, "gate", gate)
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for blueprint in blueprints.blueprints(services):
        app.register_functions(blueprint)
    functions = {str(f.get_function_name()): f.get_user_function() for f in app.get_functions()}
    service = Service(services, simulation, functions)
    await service.onboard()
    yield service
    await services.storage.close()
    await services.queues.close()
