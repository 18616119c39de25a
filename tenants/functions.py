"""Routes of the tenant list, and the queue that purges removed tenants."""

from dataclasses import dataclass

import azure.functions as func

from domain.errors import InvalidStatus, TenantNotFound
from domain.identifiers import MspId, TenantId
from domain.lifecycle import OFFBOARD, REACTIVATE, RESUME, SUSPEND, LifecycleStep
from domain.messages import read_tenant_ref
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.user_index import UserIndex
from domain.ports.whole_reads import WholeReads
from domain.roles import Permission
from domain.sync_request import SyncRequests
from domain.tenant import Tenant
from edge.answers import Answer
from edge.models import NoBody, NoQuery
from edge.poison import PoisonKind, record_poison
from edge.requests import Request
from edge.routes import Edge, Routes
from edge.telemetry import traced
from edge.tenant_answer import TenantAnswer
from tenants.edit import Edit, edit_tenant, take_step
from tenants.hard_delete import hard_delete
from tenants.listing import list_tenants
from tenants.purge import PurgePorts, purge_tenant
from tenants.requests import EditBody, TenantList, TenantsQuery

_POISON = PoisonKind("purge-tenant", "tenant.purge_failed", read_tenant_ref)


@dataclass(frozen=True, slots=True)
class TenantPorts:
    """What the tenant area needs from outside."""

    msps: MspStore
    sync_states: SyncStates
    sync_requests: SyncRequests
    records: SyncedRecords
    pending_work: PendingWorkStore
    queues: Queues
    clock: Clock
    user_index: UserIndex
    whole_reads: WholeReads


def tenant_functions(edge: Edge, ports: TenantPorts) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("tenants")
    _reading(routes, ports)
    _changing(routes, ports)
    _lifecycle(routes, ports)
    _purging(routes.blueprint, ports)
    return routes.blueprint


async def _answer(ports: TenantPorts, msp_id: MspId, tenant_id: TenantId, status: int) -> Answer:
    """Answer a tenant as it is now, or 404 when it went meanwhile."""
    known = await ports.msps.find(Tenant, msp_id, tenant_id)
    if known is None:
        raise TenantNotFound("No such tenant.")
    state = await ports.sync_states.find(known.value.ref)
    body = TenantAnswer.of(known, state.value if state else None)
    return Answer(status, body, {"ETag": known.version})


def _reading(routes: Routes, ports: TenantPorts) -> None:
    @routes.route(
        "GET", "tenants", Permission.TENANTS_READ, query=TenantsQuery, answers={200: TenantList}
    )
    async def list_tenants_route(request: Request[NoBody, TenantsQuery]) -> Answer:
        query = request.query
        page = await list_tenants(
            ports.msps,
            ports.sync_states,
            request.caller.msp_id,
            query.scope,
            query.status,
            query.page_size,
            query.page_token,
        )
        items = [TenantAnswer.of(tenant, state) for tenant, state in page.items]
        return Answer(200, TenantList(items=items, next_link=request.next_link(page.next_token)))

    @routes.route(
        "GET",
        "tenants/{tenantId}",
        Permission.TENANTS_READ,
        answers={200: TenantAnswer},
        errors=(404,),
    )
    async def get_tenant(request: Request[NoBody, NoQuery]) -> Answer:
        return await _answer(ports, request.caller.msp_id, request.tenant_id, 200)


def _changing(routes: Routes, ports: TenantPorts) -> None:
    @routes.route(
        "PATCH",
        "tenants/{tenantId}",
        Permission.TENANTS_MANAGE,
        body=EditBody,
        answers={200: TenantAnswer},
        errors=(404,),
        conditional=True,
    )
    async def edit_tenant_route(request: Request[EditBody, NoQuery]) -> Answer:
        msp_id, tenant_id = request.caller.msp_id, request.tenant_id
        edit = Edit(request.body.display_name, request.body.notes)
        cause = request.cause(ports.clock.now())
        if_match = request.headers.get("if-match")
        await edit_tenant(ports.msps, msp_id, tenant_id, edit, cause, if_match)
        return await _answer(ports, msp_id, tenant_id, 200)

    @routes.route(
        "DELETE",
        "tenants/{tenantId}",
        Permission.TENANTS_MANAGE,
        answers={204: None},
        errors=(404,),
    )
    async def delete_tenant(request: Request[NoBody, NoQuery]) -> Answer:
        await hard_delete(
            ports.msps,
            ports.pending_work,
            ports.queues,
            request.caller.msp_id,
            request.tenant_id,
            request.cause(ports.clock.now()),
        )
        return Answer(204)

    @routes.route(
        "POST",
        "tenants/{tenantId}/sync",
        Permission.TENANTS_MANAGE,
        answers={202: TenantAnswer},
        errors=(404,),
    )
    async def request_tenant_sync(request: Request[NoBody, NoQuery]) -> Answer:
        known = await ports.msps.find(Tenant, request.caller.msp_id, request.tenant_id)
        if known is None:
            raise TenantNotFound("No such tenant.")
        if not known.value.is_synced:
            lost = known.value.connection_lost_at is not None
            why = "cannot be reached" if lost else f"is {known.value.status}"
            raise InvalidStatus(f"A tenant that {why} is not synced.")
        await ports.sync_requests.request(known.value.ref, ports.clock.now())
        return await _answer(ports, known.value.msp_id, known.value.tenant_id, 202)


def _lifecycle(routes: Routes, ports: TenantPorts) -> None:
    def step_route(name: str, step: LifecycleStep) -> None:
        async def take_step_route(request: Request[NoBody, NoQuery]) -> Answer:
            msp_id, tenant_id = request.caller.msp_id, request.tenant_id
            cause = request.cause(ports.clock.now())
            tenant = await take_step(ports.msps, msp_id, tenant_id, step, cause)
            if tenant.is_synced:
                await ports.sync_requests.request(tenant.ref, cause.at)
            return await _answer(ports, msp_id, tenant_id, 200)

        take_step_route.__name__ = f"{name}_tenant"
        routes.route(
            "POST",
            f"tenants/{{tenantId}}/{name}",
            Permission.TENANTS_MANAGE,
            answers={200: TenantAnswer},
            errors=(404,),
        )(take_step_route)

    for name, step in {
        "suspend": SUSPEND,
        "resume": RESUME,
        "offboard": OFFBOARD,
        "reactivate": REACTIVATE,
    }.items():
        step_route(name, step)


def _purging(blueprint: func.Blueprint, ports: TenantPorts) -> None:
    purging = PurgePorts(
        ports.msps,
        ports.sync_states,
        ports.records,
        ports.pending_work,
        ports.queues,
        ports.clock,
        ports.user_index,
        ports.whole_reads,
    )

    @blueprint.function_name("purge_tenant")
    @blueprint.queue_trigger("message", "purge-tenant", "AzureWebJobsStorage")
    @traced
    async def purge_tenant_message(message: func.QueueMessage) -> None:
        ref = read_tenant_ref(message.get_body())
        await purge_tenant(purging, ref, message.id or "")

    @blueprint.function_name("purge_tenant_poison")
    @blueprint.queue_trigger("message", "purge-tenant-poison", "AzureWebJobsStorage")
    @traced
    async def purge_tenant_poison_message(message: func.QueueMessage) -> None:
        # The intent is still on record, so the purge is tried again all the same.
        await record_poison(ports.msps, _POISON, message, ports.clock.now())
