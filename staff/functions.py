"""Routes of staff, and of the caller's own role and permissions."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.staffing import put_staff, remove_staff
from domain.errors import MalformedInput, StaffNotFound
from domain.identifiers import ObjectId, TenantId, parse_object_id, parse_tenant_id
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.page import Page
from domain.ports.staff_index import StaffIndex
from domain.roles import PERMISSIONS, Permission, Role, StaffKey, StaffMember
from edge.answers import Answer
from edge.lists import list_route
from edge.models import ApiModel, ListQuery, Name, NoBody, NoQuery, RequestModel
from edge.requests import StaffRequest
from edge.routes import RouteTable


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
        """Return a staff member's answer."""
        return cls(tid=member.tid, oid=member.oid, role=member.role, name=member.name)


class StaffBody(RequestModel):
    """A staff member's role and name."""

    role: Role
    name: Name


@dataclass(frozen=True, slots=True)
class StaffPorts:
    """The ports of the area."""

    msps: MspStore
    index: StaffIndex
    clock: Clock


routes = RouteTable[StaffPorts]("staff")


@routes.route("GET", "me", Permission.STAFF, answers={200: MeAnswer})
async def get_me(_ports: StaffPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Return the caller's identity, role and permissions."""
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


@list_route(routes, "staff", Permission.STAFF_MANAGE, StaffAnswer)
async def list_staff(
    ports: StaffPorts, request: StaffRequest[NoBody, ListQuery]
) -> Page[StaffAnswer]:
    """List the MSP's staff."""
    query = request.query
    page = await ports.msps.page(
        StaffMember, request.caller.msp_id, query.page_size, query.page_token
    )
    return page.map(lambda known: StaffAnswer.of(known.value))


@routes.route(
    "PUT",
    "staff/{tid}/{oid}",
    Permission.STAFF_MANAGE,
    body=StaffBody,
    answers={200: StaffAnswer, 201: StaffAnswer},
    errors=(422,),
)
async def put_staff_member(ports: StaffPorts, request: StaffRequest[StaffBody, NoQuery]) -> Answer:
    """Add a staff member, or change one."""
    body, (tid, oid) = request.body, _named(request.path)
    member = StaffMember(request.caller.msp_id, tid, oid, body.role, body.name)
    added = await put_staff(ports.msps, ports.index, member, request.cause(ports.clock.now()))
    return Answer(201 if added else 200, StaffAnswer.of(member))


@routes.route("DELETE", "staff/{tid}/{oid}", Permission.STAFF_MANAGE, answers={204: None})
async def delete_staff_member(ports: StaffPorts, request: StaffRequest[NoBody, NoQuery]) -> Answer:
    """Remove a staff member."""
    cause = request.cause(ports.clock.now())
    key = StaffKey(request.caller.msp_id, *_named(request.path))
    await remove_staff(ports.msps, ports.index, key, cause)
    return Answer(204)


def _named(path: Mapping[str, str]) -> tuple[TenantId, ObjectId]:
    """Return the person that the path names; a path without GUIDs names nobody."""
    try:
        return parse_tenant_id(path["tid"]), parse_object_id(path["oid"])
    except MalformedInput:
        raise StaffNotFound("No such staff member.") from None
