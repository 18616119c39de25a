"""Routes of staff, and of the caller's own standing."""

from collections.abc import Mapping
from dataclasses import dataclass

import azure.functions as func

from domain.errors import MalformedInput, StaffNotFound
from domain.identifiers import ObjectId, TenantId, parse_object_id, parse_tenant_id
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.staff_index import StaffIndex
from domain.roles import PERMISSIONS, Permission, Role, StaffMember
from domain.staffing import put_staff, remove_staff
from edge.answers import Answer
from edge.models import ApiModel, ListQuery, Name, NoBody, NoQuery, RequestModel, list_answer
from edge.requests import Request
from edge.routes import Edge, Routes


class MeAnswer(ApiModel):
    """The caller."""

    msp_id: str
    role: Role
    permissions: list[Permission]
    tenant_id: str
    name: str


class StaffAnswer(ApiModel):
    """A staff member."""

    tid: str
    oid: str
    role: Role
    name: str

    @classmethod
    def of(cls, member: StaffMember) -> "StaffAnswer":
        """Show a staff member."""
        return cls(tid=member.tid, oid=member.oid, role=member.role, name=member.name)


class StaffBody(RequestModel):
    """A staff member's role and name."""

    role: Role
    name: Name


StaffList = list_answer(StaffAnswer)


@dataclass(frozen=True, slots=True)
class StaffPorts:
    """What the area needs from outside."""

    msps: MspStore
    index: StaffIndex
    clock: Clock


def staff_functions(edge: Edge, ports: StaffPorts) -> func.Blueprint:
    """Return the area's functions."""
    routes = edge.routes("staff")
    _reading(routes, ports)
    _changing(routes, ports)
    return routes.blueprint


def _reading(routes: Routes, ports: StaffPorts) -> None:
    @routes.route("GET", "me", Permission.STAFF, answers={200: MeAnswer})
    async def get_me(request: Request[NoBody, NoQuery]) -> Answer:
        member = request.caller.member
        held = PERMISSIONS[member.role] - {Permission.STAFF}
        body = MeAnswer(
            msp_id=member.msp_id,
            role=member.role,
            permissions=sorted(held),
            tenant_id=member.tid,
            name=member.name,
        )
        return Answer(200, body)

    @routes.route(
        "GET", "staff", Permission.STAFF_MANAGE, query=ListQuery, answers={200: StaffList}
    )
    async def list_staff(request: Request[NoBody, ListQuery]) -> Answer:
        query = request.query
        page = await ports.msps.page(
            StaffMember, request.caller.msp_id, query.page_size, query.page_token
        )
        items = [StaffAnswer.of(known.value) for known in page.items]
        return Answer(200, StaffList(items=items, next_link=request.next_link(page.next_token)))


def _changing(routes: Routes, ports: StaffPorts) -> None:
    @routes.route(
        "PUT",
        "staff/{tid}/{oid}",
        Permission.STAFF_MANAGE,
        body=StaffBody,
        answers={200: StaffAnswer, 201: StaffAnswer},
        errors=(422,),
    )
    async def put_staff_member(request: Request[StaffBody, NoQuery]) -> Answer:
        caller, body = request.caller, request.body
        tid, oid = _named(request.path)
        member = StaffMember(caller.msp_id, tid, oid, body.role, body.name)
        cause = request.cause(ports.clock.now())
        added = await put_staff(ports.msps, ports.index, member, cause)
        return Answer(201 if added else 200, StaffAnswer.of(member))

    @routes.route(
        "DELETE",
        "staff/{tid}/{oid}",
        Permission.STAFF_MANAGE,
        answers={204: None},
        errors=(404,),
    )
    async def delete_staff_member(request: Request[NoBody, NoQuery]) -> Answer:
        msp_id, (tid, oid) = request.caller.msp_id, _named(request.path)
        cause = request.cause(ports.clock.now())
        await remove_staff(ports.msps, ports.index, msp_id, tid, oid, cause)
        return Answer(204)


def _named(path: Mapping[str, str]) -> tuple[TenantId, ObjectId]:
    """Return whom the path names; what is no GUID names nobody."""
    try:
        return parse_tenant_id(path["tid"]), parse_object_id(path["oid"])
    except MalformedInput:
        raise StaffNotFound("No such staff member.") from None
