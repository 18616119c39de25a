"""Routes that read a tenant's synced data."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.synced_records import Document, SyncedRecords
from domain.roles import Permission
from domain.sync_state import DataSet
from edge.lists import list_route
from edge.models import ListQuery, NoBody
from edge.path_tenant import tenant_of
from edge.requests import StaffRequest
from edge.routes import RouteTable
from tenants.listing import user_matches
from tenants.requests import SyncedDocument, UsersQuery


@dataclass(frozen=True, slots=True)
class SyncedDataPorts:
    """The ports of the routes."""

    msps: MspStore
    records: SyncedRecords


routes = RouteTable[SyncedDataPorts]("synced data")


@list_route(routes, "tenants/{tenantId}/users", Permission.USERS_READ, SyncedDocument, UsersQuery)
async def list_users(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, UsersQuery]
) -> Page[SyncedDocument]:
    """List a tenant's users, or those that a search finds."""
    search = request.query.search

    def matches(user: Document) -> bool:
        return search is None or user_matches(user, search)

    return await _records(ports, request, DataSet.USERS, matches if search else None)


@list_route(routes, "tenants/{tenantId}/licences", Permission.TENANTS_READ, SyncedDocument)
async def list_licences(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[SyncedDocument]:
    """List a tenant's licences."""
    return await _records(ports, request, DataSet.LICENCES)


@list_route(routes, "tenants/{tenantId}/secure-scores", Permission.TENANTS_READ, SyncedDocument)
async def list_secure_scores(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[SyncedDocument]:
    """List a tenant's secure scores, newest first."""
    return await _records(ports, request, DataSet.SECURE_SCORE)


@list_route(
    routes,
    "tenants/{tenantId}/conditional-access-policies",
    Permission.TENANTS_READ,
    SyncedDocument,
)
async def list_conditional_access_policies(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[SyncedDocument]:
    """List a tenant's Conditional Access policies."""
    return await _records(ports, request, DataSet.CONDITIONAL_ACCESS)


async def _records[Q: ListQuery](
    ports: SyncedDataPorts,
    request: StaffRequest[NoBody, Q],
    data_set: DataSet,
    keep: Callable[[Document], bool] | None = None,
) -> Page[SyncedDocument]:
    ref, query = (await tenant_of(ports.msps, request)).value.ref, request.query
    page = await ports.records.page(data_set, ref, query.page_size, query.page_token, keep)
    return page.map(lambda document: SyncedDocument(dict(document)))
