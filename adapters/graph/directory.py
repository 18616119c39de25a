"""A tenant's directory, read live: users, and who holds which Entra role."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from itertools import batched
from typing import Any, NotRequired, TypedDict, override
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, with_config

from adapters.entra_refusals import DelegatedAccessRefused
from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.writer import TenantRequests
from adapters.identity import TokenSource, object_id_of
from adapters.schema import STRICT, Flag, Guid, Malformed, PrincipalName, Word, check
from domain.errors import MicrosoftError
from domain.identifiers import ObjectId
from domain.msp import Msp
from domain.ports.directory import Directory, DirectoryUser
from domain.tenant import Tenant

_USER = "$select=id,userPrincipalName,onPremisesSyncEnabled"
_ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$expand=principal"
_NO_GROUPS = {"#microsoft.graph.user", "#microsoft.graph.servicePrincipal"}
_MOST_PAGES = 100
# Graph accepts at most 15 values in one filter.
# https://learn.microsoft.com/graph/filter-query-parameter
_IDS_IN_FILTER = 15


@with_config(STRICT)
class _User(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/user ."""

    id: Guid
    userPrincipalName: PrincipalName
    onPremisesSyncEnabled: NotRequired[Flag | None]


@with_config(STRICT)
class _Member(TypedDict):
    """A user of whom only these properties are requested."""

    id: Guid
    accountEnabled: NotRequired[Flag | None]


_Principal = TypedDict("_Principal", {"@odata.type": NotRequired[Word | None]})


@with_config(STRICT)
class _Assignment(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/unifiedroleassignment ."""

    principalId: Guid
    roleDefinitionId: Guid
    principal: NotRequired[_Principal | None]


@cache
def _user_schema() -> TypeAdapter[_User]:
    return TypeAdapter(_User)


@cache
def _member_schema() -> TypeAdapter[_Member]:
    return TypeAdapter(_Member)


@cache
def _assignment_schema() -> TypeAdapter[_Assignment]:
    return TypeAdapter(_Assignment)


class GraphDirectory(Directory):
    """Directory over Microsoft Graph."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    @override
    async def user(self, msp: Msp, tenant: Tenant, user_id: str) -> DirectoryUser | None:
        path = f"/users/{quote(user_id, safe='@')}?{_USER}"
        found = await TenantRequests(self._tokens, self._graph, msp, tenant).get(path)
        if found is None:
            return None
        user = _checked(_user_schema(), found)
        if user_id.lower() not in {user["id"], user["userPrincipalName"].lower()}:
            raise MicrosoftError("Microsoft Graph names another user.")
        is_synced = user.get("onPremisesSyncEnabled") is True
        return DirectoryUser(ObjectId(user["id"]), user["userPrincipalName"], is_synced)

    @override
    async def role_holders(self, msp: Msp, tenant: Tenant) -> Mapping[ObjectId, frozenset[str]]:
        requests = TenantRequests(self._tokens, self._graph, msp, tenant)
        holders: dict[ObjectId, set[str]] = {}
        groups: dict[str, set[str]] = {}
        async for item in self._items(requests, _ASSIGNMENTS):
            assignment = _checked(_assignment_schema(), item)
            principal, role = assignment["principalId"], assignment["roleDefinitionId"]
            holders.setdefault(ObjectId(principal), set()).add(role)
            # A principal of an unknown kind may be a group.
            if (assignment.get("principal") or {}).get("@odata.type") not in _NO_GROUPS:
                groups.setdefault(principal, set()).add(role)
        for group, roles in groups.items():
            async for user_id in self._members(requests, group):
                holders.setdefault(user_id, set()).update(roles)
        return {user_id: frozenset(roles) for user_id, roles in holders.items()}

    async def _members(self, requests: TenantRequests, group: str) -> AsyncIterator[ObjectId]:
        path = f"/groups/{group}/transitiveMembers/microsoft.graph.user?$select=id,accountEnabled"
        async for item in self._items(requests, path, may_be_gone=True):
            yield ObjectId(_checked(_member_schema(), item)["id"])

    @override
    async def enabled_users(
        self, msp: Msp, tenant: Tenant, user_ids: Collection[ObjectId]
    ) -> frozenset[ObjectId]:
        requests = TenantRequests(self._tokens, self._graph, msp, tenant)
        enabled: set[ObjectId] = set()
        for some in batched(sorted(user_ids), _IDS_IN_FILTER, strict=False):
            async for item in self._items(requests, _of_ids(some)):
                member = _checked(_member_schema(), item)
                if member.get("accountEnabled") is True:
                    enabled.add(ObjectId(member["id"]))
        return frozenset(enabled.intersection(user_ids))

    @override
    async def service_account(self, msp: Msp) -> ObjectId | None:
        try:
            token = await self._tokens.delegated_token(msp, msp.app.tenant_id)
        except DelegatedAccessRefused:
            return None  # An account that cannot sign in is not used for anything.
        return object_id_of(token)

    async def _items(
        self, requests: TenantRequests, path: str, *, may_be_gone: bool = False
    ) -> AsyncIterator[Any]:
        """Yield the items of all pages.

        Args:
            may_be_gone: Whether what has the list may have just been deleted; then it is empty.
        """

        async def get(link: str) -> dict[str, Any]:
            return await requests.send(lambda token: self._graph.get(link, token))

        try:
            async for document in self._graph.pages(path, get, most=_MOST_PAGES):
                for value in _values(document):
                    yield value
        except GraphError as error:
            if not (may_be_gone and error.status == HTTPStatus.NOT_FOUND):
                raise requests.domain_error(error) from None


def _values(document: dict[str, Any]) -> list[Any]:
    values = document.get("value")
    if not isinstance(values, list):
        raise GraphError(0, "the answer is no collection")
    return values


def _of_ids(user_ids: Iterable[str]) -> str:
    listed = ",".join(f"'{user_id}'" for user_id in user_ids)
    query = urlencode(
        {"$filter": f"id in ({listed})", "$select": "id,accountEnabled"}, safe="$,()'"
    )
    return f"/users?{query}"


def _checked[T](schema: TypeAdapter[T], document: Any) -> T:
    try:
        return check(schema, document)
    except Malformed as fault:
        raise MicrosoftError(f"Microsoft Graph's answer cannot be read ({fault}).") from None
