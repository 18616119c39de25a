"""Routes of users: one for each kind of operation in `manage.users.kinds`."""

from core.catalogue import load
from core.operations.kind import OperationKind
from core.operations.ports import OperationPorts
from core.operations.request import Wanted, request_operation
from domain.errors import UserNotFound
from domain.identifiers import is_guid, parse_object_id
from edge.answers import Answer
from edge.models import NoQuery
from edge.operations import OperationAnswer, idempotency_key, operation_answer
from edge.path_tenant import tenant_of
from edge.requests import StaffRequest
from edge.routes import RouteTable
from manage.users import kinds
from manage.users.requests import UserOperationBody

_LONGEST_USER_ID = 320

type _Request = StaffRequest[UserOperationBody, NoQuery]

KINDS = load(kinds, OperationKind)
routes = RouteTable[OperationPorts]("users")


def add_kind(table: RouteTable[OperationPorts], kind: OperationKind) -> None:
    """Add the route of a kind: `disable-user` is `POST …/users/{userId}/disable`."""

    async def change_user(ports: OperationPorts, request: _Request) -> Answer:
        wanted = await _wanted(ports, request, kind)
        cause = request.cause(ports.clock.now())
        return operation_answer(await request_operation(ports, wanted, cause))

    change_user.__name__ = kind.name.replace("-", "_")
    table.route(
        "POST",
        f"tenants/{{tenantId}}/users/{{userId}}/{kind.name.removesuffix('-user')}",
        kind.staff,
        body=UserOperationBody,
        body_optional=True,
        answers={200: OperationAnswer, 202: OperationAnswer},
        errors=(502,),
        idempotent=True,
    )(change_user)


async def _wanted(ports: OperationPorts, request: _Request, kind: OperationKind) -> Wanted:
    tenant, body = (await tenant_of(ports.msps, request)).value, request.body
    return Wanted(
        kind=kind,
        tenant=tenant,
        target=_user_id(request.path["userId"]),
        reason=body.reason,
        override=body.override,
        approval=body.require_approval,
        key=idempotency_key(request),
    )


def _user_id(text: str) -> str:
    """Return an object ID or a user principal name; Graph has other things below /users.

    Raises:
        UserNotFound: It is neither.
    """
    if is_guid(text):
        return parse_object_id(text)
    if len(text) > _LONGEST_USER_ID or "@" not in text:
        raise UserNotFound("The tenant has no such user.")
    return text


for _kind in KINDS.values():
    add_kind(routes, _kind)
