"""Routes that read a tenant's synced data."""

from collections.abc import Collection
from dataclasses import dataclass

from core.data_sets.identity import LICENCES
from core.data_sets.policies import CONDITIONAL_ACCESS
from core.data_sets.security import SECURE_SCORE
from domain.data_set import DataSet, Document
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData
from domain.roles import Permission
from edge.lists import list_route, page_of
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
    tenant_data: TenantData


# The service plans of a licence are stored as well, but are no part of this list.
_LICENCE = (
    *("skuId", "skuPartNumber", "productName", "capabilityStatus", "prepaidUnits"),
    "consumedUnits",
)

routes = RouteTable[SyncedDataPorts]("synced data")


@list_route(routes, "tenants/{tenantId}/users", Permission.USERS_READ, SyncedDocument, UsersQuery)
async def list_users(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, UsersQuery]
) -> Page[SyncedDocument]:
    """List a tenant's users, or those that a search finds."""
    search = request.query.search

    def matches(user: Document) -> bool:
        return search is None or user_matches(user, search)

    ref, query = (await tenant_of(ports.msps, request)).value.ref, request.query
    keep = matches if search else None
    page = await ports.records.page(ref, query.page_size, query.page_token, keep)
    return page.map(lambda document: SyncedDocument(dict(document)))


@list_route(routes, "tenants/{tenantId}/licences", Permission.TENANTS_READ, SyncedDocument)
async def list_licences(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[SyncedDocument]:
    """List a tenant's licences."""
    return await _documents(ports, request, LICENCES, _LICENCE)


@list_route(routes, "tenants/{tenantId}/secure-scores", Permission.TENANTS_READ, SyncedDocument)
async def list_secure_scores(
    ports: SyncedDataPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[SyncedDocument]:
    """List a tenant's secure scores, newest first."""
    return await _documents(ports, request, SECURE_SCORE)


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
    return await _documents(ports, request, CONDITIONAL_ACCESS)


async def _documents(
    ports: SyncedDataPorts,
    request: StaffRequest[NoBody, ListQuery],
    data_set: DataSet,
    shown: Collection[str] = (),
) -> Page[SyncedDocument]:
    """Return a page of a data set that is stored as a whole, in the order of its keys.

    Args:
        shown: The properties to show; all of them if empty.
    """
    ref, query = (await tenant_of(ports.msps, request)).value.ref, request.query
    documents = await ports.tenant_data.read(ref, data_set.name) or {}
    return page_of(query, documents).map(
        lambda document: SyncedDocument(
            {name: value for name, value in document.items() if not shown or name in shown}
        )
    )
