"""Routes of the tenant list, and the queue that purges removed tenants."""

from collections.abc import Callable
from functools import partial

import azure.functions as func

from domain.errors import InvalidStatus, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.lifecycle import OFFBOARD, REACTIVATE, RESUME, SUSPEND, LifecycleStep
from domain.ports.page import Page
from domain.roles import Permission
from domain.tenant import Tenant
from domain.work_queues import PURGE_TENANT
from edge.answers import Answer
from edge.lists import list_route
from edge.models import NoBody, NoQuery
from edge.path_tenant import tenant_of
from edge.requests import StaffRequest
from edge.routes import Edge, RouteTable, StaffHandler
from edge.tenant_answer import TenantAnswer
from edge.triggers import FailedMessages, add_work_queue
from tenants.edit import Edit, edit_tenant, take_step
from tenants.hard_delete import hard_delete
from tenants.listing import TenantFilter, list_tenants
from tenants.ports import TenantPorts
from tenants.purge import purge_tenant
from tenants.requests import EditBody, TenantsQuery

routes = RouteTable[TenantPorts]("tenants")


async def _answer(ports: TenantPorts, msp_id: MspId, tenant_id: TenantId, status: int) -> Answer:
    """Return the answer for a tenant as it is now, or 404 if it has been removed."""
    known = await ports.msps.find(Tenant, msp_id, tenant_id)
    if known is None:
        raise TenantNotFound("No such tenant.")
    state = await ports.sync_states.find(known.value.ref)
    body = TenantAnswer.of(known, state.value if state else None)
    return Answer(status, body, {"ETag": known.version})


@list_route(routes, "tenants", Permission.TENANTS_READ, TenantAnswer, TenantsQuery)
async def list_tenants_route(
    ports: TenantPorts, request: StaffRequest[NoBody, TenantsQuery]
) -> Page[TenantAnswer]:
    """List the MSP's tenants."""
    query, msp_id = request.query, request.caller.msp_id
    shown = TenantFilter(query.scope, query.status)
    page = await list_tenants(ports, msp_id, shown, query.page_size, query.page_token)
    return page.map(lambda listed: TenantAnswer.of(*listed))


@routes.route("GET", "tenants/{tenantId}", Permission.TENANTS_READ, answers={200: TenantAnswer})
async def get_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Return a tenant."""
    return await _answer(ports, request.caller.msp_id, request.tenant_id, 200)


@routes.route(
    "PATCH",
    "tenants/{tenantId}",
    Permission.TENANTS_MANAGE,
    body=EditBody,
    answers={200: TenantAnswer},
    conditional=True,
)
async def edit_tenant_route(ports: TenantPorts, request: StaffRequest[EditBody, NoQuery]) -> Answer:
    """Change a tenant's name or notes."""
    msp_id, tenant_id = request.caller.msp_id, request.tenant_id
    edit = Edit(request.body.display_name, request.body.notes, request.headers.get("if-match"))
    await edit_tenant(ports.msps, msp_id, tenant_id, edit, request.cause(ports.clock.now()))
    return await _answer(ports, msp_id, tenant_id, 200)


@routes.route("DELETE", "tenants/{tenantId}", Permission.TENANTS_MANAGE, answers={204: None})
async def delete_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Delete a customer tenant permanently."""
    cause = request.cause(ports.clock.now())
    await hard_delete(ports, request.caller.msp_id, request.tenant_id, cause)
    return Answer(204)


@routes.route(
    "POST", "tenants/{tenantId}/sync", Permission.TENANTS_MANAGE, answers={202: TenantAnswer}
)
async def request_tenant_sync(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Request a sync of a tenant."""
    tenant = (await tenant_of(ports.msps, request)).value
    if not tenant.is_synced:
        lost = tenant.connection_lost_at is not None
        why = "cannot be reached" if lost else f"is {tenant.status}"
        raise InvalidStatus(f"A tenant that {why} is not synced.")
    await ports.sync_requests.request(tenant.ref, ports.clock.now())
    return await _answer(ports, tenant.msp_id, tenant.tenant_id, 202)


def _step_route(
    name: str,
) -> Callable[
    [StaffHandler[TenantPorts, NoBody, NoQuery]], StaffHandler[TenantPorts, NoBody, NoQuery]
]:
    return routes.route(
        "POST",
        f"tenants/{{tenantId}}/{name}",
        Permission.TENANTS_MANAGE,
        answers={200: TenantAnswer},
    )


@_step_route("suspend")
async def suspend_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Suspend a customer tenant: it is neither synced nor billed."""
    return await _take(ports, request, SUSPEND)


@_step_route("resume")
async def resume_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Resume a suspended tenant."""
    return await _take(ports, request, RESUME)


@_step_route("offboard")
async def offboard_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Offboard a customer tenant; its data is kept."""
    return await _take(ports, request, OFFBOARD)


@_step_route("reactivate")
async def reactivate_tenant(ports: TenantPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Reactivate an offboarded tenant."""
    return await _take(ports, request, REACTIVATE)


async def _take(
    ports: TenantPorts, request: StaffRequest[NoBody, NoQuery], step: LifecycleStep
) -> Answer:
    msp_id, tenant_id = request.caller.msp_id, request.tenant_id
    cause = request.cause(ports.clock.now())
    tenant = await take_step(ports.msps, msp_id, tenant_id, step, cause)
    if tenant.is_synced:
        await ports.sync_requests.request(tenant.ref, cause.at)
    return await _answer(ports, msp_id, tenant_id, 200)


def tenant_functions(edge: Edge, ports: TenantPorts) -> func.Blueprint:
    """Return the area's functions: its routes, and the queue that purges removed tenants."""
    blueprint = routes.bind(edge, ports)
    add_work_queue(
        blueprint,
        PURGE_TENANT,
        FailedMessages(ports.msps, ports.clock),
        partial(purge_tenant, ports),
    )
    return blueprint
