"""Routes that read a tenant's synced data."""

import azure.functions as func

from domain.errors import TenantNotFound
from domain.identifiers import TenantRef
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.synced_records import Document, SyncedRecords
from domain.roles import Permission
from domain.sync_state import DataSet
from domain.tenant import Tenant
from edge.answers import Answer
from edge.models import ListQuery, NoBody
from edge.requests import Request
from edge.routes import Edge, Routes
from tenants.listing import user_matches
from tenants.requests import SyncedDocument, SyncedList, UsersQuery

_ROUTES = {
    "licences": DataSet.LICENCES,
    "secure-scores": DataSet.SECURE_SCORE,
    "conditional-access-policies": DataSet.CONDITIONAL_ACCESS,
}


def synced_data_functions(edge: Edge, msps: MspStore, records: SyncedRecords) -> func.Blueprint:
    """Return the routes that list users, licences, secure scores and policies."""
    routes = edge.routes("synced data")
    _users(routes, msps, records)
    for path, data_set in _ROUTES.items():
        _records(routes, msps, records, path, data_set)
    return routes.blueprint


def _users(routes: Routes, msps: MspStore, records: SyncedRecords) -> None:
    @routes.route(
        "GET",
        "tenants/{tenantId}/users",
        Permission.USERS_READ,
        query=UsersQuery,
        answers={200: SyncedList},
        errors=(404,),
    )
    async def list_users(request: Request[NoBody, UsersQuery]) -> Answer:
        ref = await _ref(msps, request)
        query, search = request.query, request.query.search

        def matches(user: Document) -> bool:
            return search is None or user_matches(user, search)

        page = await records.page(
            DataSet.USERS, ref, query.page_size, query.page_token, matches if search else None
        )
        return _answer(request, page)


def _records(
    routes: Routes, msps: MspStore, records: SyncedRecords, path: str, data_set: DataSet
) -> None:
    async def list_records(request: Request[NoBody, ListQuery]) -> Answer:
        ref = await _ref(msps, request)
        query = request.query
        page = await records.page(data_set, ref, query.page_size, query.page_token)
        return _answer(request, page)

    list_records.__name__ = "list_" + path.replace("-", "_")
    routes.route(
        "GET",
        f"tenants/{{tenantId}}/{path}",
        Permission.TENANTS_READ,
        query=ListQuery,
        answers={200: SyncedList},
        errors=(404,),
    )(list_records)


async def _ref[Q: ListQuery](msps: MspStore, request: Request[NoBody, Q]) -> TenantRef:
    known = await msps.find(Tenant, request.caller.msp_id, request.tenant_id)
    if known is None:
        raise TenantNotFound("No such tenant.")
    return known.value.ref


def _answer[Q: ListQuery](request: Request[NoBody, Q], page: Page[Document]) -> Answer:
    items = [SyncedDocument(dict(document)) for document in page.items]
    return Answer(200, SyncedList(items=items, next_link=request.next_link(page.next_token)))
