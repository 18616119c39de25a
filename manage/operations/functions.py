"""Routes of the ledger, and the queue that continues operations."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import azure.functions as func

from core.operations.decisions import approve, cancel, reject
from core.operations.ledger import OperationFilter, find_operation, list_operations
from core.operations.ports import OperationPorts
from core.operations.request import request_operation
from core.operations.rollback import rollback_of
from core.operations.run import give_up, run_operation
from domain.audit import Cause
from domain.identifiers import OperationRef, parse_tenant_id
from domain.operation import Operation
from domain.ports.page import Page
from domain.roles import Permission, StaffMember
from domain.work_queues import RUN_OPERATION
from edge.answers import Answer
from edge.lists import list_route
from edge.models import NoBody, NoQuery
from edge.operations import OperationAnswer, idempotency_key, operation_answer
from edge.requests import StaffRequest
from edge.routes import Edge, RouteTable
from edge.triggers import FailedMessages, add_work_queue
from manage.operations.requests import OperationsQuery, RollbackBody

routes = RouteTable[OperationPorts]("operations")

type _Decide = Callable[[OperationPorts, OperationRef, StaffMember, Cause], Awaitable[Operation]]


@list_route(routes, "operations", Permission.OPERATIONS_READ, OperationAnswer, OperationsQuery)
async def list_operations_route(
    ports: OperationPorts, request: StaffRequest[NoBody, OperationsQuery]
) -> Page[OperationAnswer]:
    """List operations, newest first."""
    query, msp_id = request.query, request.caller.msp_id
    tenant_id = parse_tenant_id(query.tenant_id) if query.tenant_id else None
    shown = OperationFilter(tenant_id, query.user_id, query.state, query.kind)
    page = await list_operations(ports.msps, msp_id, shown, query.page_size, query.page_token)
    return page.map(OperationAnswer.of)


@routes.route(
    "GET",
    "operations/{operationId}",
    Permission.OPERATIONS_READ,
    answers={200: OperationAnswer},
)
async def get_operation(ports: OperationPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Return an operation, whatever its end."""
    return Answer(200, OperationAnswer.of(await _named(ports, request)))


@routes.route(
    "POST",
    "operations/{operationId}/approve",
    Permission.OPERATIONS_READ,
    answers={200: OperationAnswer, 202: OperationAnswer},
    errors=(422, 502),
)
async def approve_operation(
    ports: OperationPorts, request: StaffRequest[NoBody, NoQuery]
) -> Answer:
    """Approve an operation; needs the permission that the operation itself needs."""
    return operation_answer(await _decide(ports, request, approve))


@routes.route(
    "POST",
    "operations/{operationId}/reject",
    Permission.OPERATIONS_READ,
    answers={200: OperationAnswer},
)
async def reject_operation(ports: OperationPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Reject an operation that waits for approval."""
    return Answer(200, OperationAnswer.of(await _decide(ports, request, reject)))


@routes.route(
    "POST",
    "operations/{operationId}/cancel",
    Permission.OPERATIONS_READ,
    answers={200: OperationAnswer},
)
async def cancel_operation(ports: OperationPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Cancel an operation that has not begun."""
    return Answer(200, OperationAnswer.of(await _decide(ports, request, cancel)))


@routes.route(
    "POST",
    "operations/{operationId}/rollback",
    Permission.OPERATIONS_READ,
    body=RollbackBody,
    body_optional=True,
    answers={200: OperationAnswer, 202: OperationAnswer},
    errors=(422, 502),
    idempotent=True,
)
async def rollback_operation(
    ports: OperationPorts, request: StaffRequest[RollbackBody, NoQuery]
) -> Answer:
    """Put back what an operation has changed, by another operation."""
    body = request.body
    wanted = replace(
        await rollback_of(ports, await _named(ports, request)),
        reason=body.reason,
        override=body.override,
        confirm=body.confirm,
        approval=body.require_approval,
        key=idempotency_key(request),
    )
    cause = request.cause(ports.clock.now())
    return operation_answer(await request_operation(ports, wanted, cause))


async def _named[B, Q](ports: OperationPorts, request: StaffRequest[B, Q]) -> Operation:
    return await find_operation(ports.msps, request.caller.msp_id, request.path["operationId"])


async def _decide(
    ports: OperationPorts, request: StaffRequest[NoBody, NoQuery], decide: _Decide
) -> Operation:
    named, cause = await _named(ports, request), request.cause(ports.clock.now())
    return await decide(ports, named.ref, request.caller.member, cause)


def operation_functions(edge: Edge, ports: OperationPorts) -> func.Blueprint:
    """Return the area's functions: its routes, and the queue that continues operations."""
    blueprint = routes.bind(edge, ports)

    async def run(ref: OperationRef, _message_id: str) -> None:
        await run_operation(ports, ref)

    failed = FailedMessages(ports.msps, ports.clock)
    add_work_queue(blueprint, RUN_OPERATION, failed, run, partial(give_up, ports))
    return blueprint
