"""App registrations in Entra, read and changed with the token of an administrator.

Everything here may be repeated: an object that is there already is found, not made again. After an
object was created, Entra's replicas may not know it for some seconds, so such answers are retried.

https://learn.microsoft.com/graph/api/resources/application
"""

from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from itertools import count
from typing import Any, NotRequired, TypedDict

from pydantic import TypeAdapter, with_config

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget
from adapters.schema import STRICT, Few, Flag, Guid, Json, Malformed, Name, check
from domain.errors import MicrosoftUnavailable

_APPLICATION = (
    "id,appId,displayName,signInAudience,web,isFallbackPublicClient,requiredResourceAccess"
    # A single object's certificates are read with their content only if they are selected.
    ",keyCredentials"
)
_SETTLE_SECONDS = 60.0
_MISSING = frozenset({HTTPStatus.NOT_FOUND})
# What Entra answers about an object that another replica has just created: for a new mark 400
# (another object has it), for a service principal 400 (no such app) and sometimes 403.
_UNSETTLED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
_UNSETTLED_APP = _UNSETTLED | {HTTPStatus.FORBIDDEN}

type Document = dict[str, Any]


@with_config(STRICT)
class Web(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/webapplication ."""

    redirectUris: NotRequired[Few[str]]


@with_config(STRICT)
class Permission(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/resourceaccess ."""

    id: Guid
    type: str


@with_config(STRICT)
class Access(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/requiredresourceaccess ."""

    resourceAppId: Guid
    resourceAccess: Few[Permission]


@with_config(STRICT)
class Application(TypedDict):
    """An app registration, as far as it is compared with what it should be."""

    id: Guid
    appId: Guid
    displayName: NotRequired[Name | None]
    signInAudience: NotRequired[str | None]
    web: NotRequired[Web | None]
    isFallbackPublicClient: NotRequired[Flag | None]
    requiredResourceAccess: NotRequired[Few[Access]]
    keyCredentials: NotRequired[Few[dict[str, Json]]]


@with_config(STRICT)
class Trust(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/federatedidentitycredential ."""

    name: str
    issuer: str
    subject: NotRequired[str | None]
    audiences: NotRequired[Few[str]]


@with_config(STRICT)
class _Object(TypedDict):
    id: Guid


@with_config(STRICT)
class _Assignment(TypedDict):
    roleDefinitionId: Guid
    directoryScopeId: NotRequired[str | None]


class Registrations:
    """The app registrations of one tenant.

    Args:
        token: An administrator's token for Microsoft Graph.
        settle_seconds: How long to wait until Entra's replicas know a new object.
    """

    def __init__(
        self, graph: GraphClient, token: str, settle_seconds: float = _SETTLE_SECONDS
    ) -> None:
        self._graph, self._token, self._settle_seconds = graph, token, settle_seconds

    async def find(self, client_id: str) -> Application | None:
        """Return the registration with a client ID, or None."""
        return await self._application(f"appId='{client_id}'")

    async def find_or_create(self, mark: str, new: Document) -> tuple[Application, bool]:
        """Return the registration that has a mark, and whether it was created.

        There is never a second one with the mark, whoever creates it at the same time.

        Args:
            mark: The registration's `uniqueName`, which Entra keeps unique in the tenant.
            new: The properties with which it is created.
        """

        async def attempt() -> tuple[Application, bool]:
            found = await self._application(f"uniqueName='{mark}'")
            if found is not None:
                return found, False
            path = f"/applications(uniqueName='{mark}')"
            made = await self._graph.upsert(path, self._token, new)
            if not made:  # It was created by somebody else in between.
                raise GraphError(HTTPStatus.NOT_FOUND, "not readable yet")
            return _read(_application_schema(), made), True

        return await self._eventually(attempt, _UNSETTLED)

    async def change(self, object_id: str, changes: Document) -> None:
        """Change properties of a registration."""
        path = f"/applications/{object_id}"
        await self._eventually(lambda: self._graph.patch(path, self._token, changes), _MISSING)

    async def trusts(self, object_id: str) -> list[Trust]:
        """Return the federated credentials of a registration."""
        path = f"/applications/{object_id}/federatedIdentityCredentials"
        return await self._values(path, _trust_schema())

    async def trust(self, object_id: str, trust: Trust) -> None:
        """Add a federated credential, or change the one that has its name."""
        path = f"/applications/{object_id}/federatedIdentityCredentials(name='{trust['name']}')"
        body = {key: value for key, value in trust.items() if key != "name"}
        await self._eventually(lambda: self._graph.upsert(path, self._token, body), _MISSING)

    async def principal(self, client_id: str) -> str | None:
        """Return the object ID of an app's service principal in the tenant, or None."""
        path = f"/servicePrincipals(appId='{client_id}')?$select=id"
        document = await self._find(path)
        return None if document is None else _read(_object_schema(), document)["id"]

    async def find_or_create_principal(self, client_id: str) -> tuple[str, bool]:
        """Return the object ID of an app's service principal, and whether it was created."""

        async def attempt() -> tuple[str, bool]:
            found = await self.principal(client_id)
            if found is not None:
                return found, False
            body = {"appId": client_id}
            made = await self._graph.post("/servicePrincipals", self._token, body)
            return _read(_object_schema(), made)["id"], True

        return await self._eventually(attempt, _UNSETTLED_APP)

    async def directory_roles(self, principal_id: str) -> set[str]:
        """Return the IDs of the Entra roles that a service principal has for the whole tenant."""
        path = f"/roleManagement/directory/roleAssignments?$filter=principalId eq '{principal_id}'"
        found = await self._values(path, _assignment_schema())
        return {one["roleDefinitionId"] for one in found if one.get("directoryScopeId") == "/"}

    async def assign_directory_role(self, principal_id: str, role_id: str) -> None:
        """Give a service principal an Entra role for the whole tenant, if it has not got it."""
        body = {"principalId": principal_id, "roleDefinitionId": role_id, "directoryScopeId": "/"}

        async def attempt() -> None:
            if role_id not in await self.directory_roles(principal_id):
                path = "/roleManagement/directory/roleAssignments"
                await self._graph.post(path, self._token, body)

        await self._eventually(attempt, _UNSETTLED)

    async def _application(self, key: str) -> Application | None:
        document = await self._find(f"/applications({key})?$select={_APPLICATION}")
        return None if document is None else _read(_application_schema(), document)

    async def _find(self, path: str) -> Document | None:
        async def attempt() -> Document | None:
            try:
                return await self._graph.get(path, self._token)
            except GraphError as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return None
                raise

        return await self._eventually(attempt)

    async def _values[T](self, path: str, schema: TypeAdapter[T]) -> list[T]:
        async def get(link: str) -> Document:
            return await self._eventually(lambda: self._graph.get(link, self._token), _MISSING)

        return [
            _read(schema, item)
            async for page in self._graph.pages(path, get)
            for item in page.get("value") or ()
        ]

    async def _eventually[T](
        self, request: Callable[[], Awaitable[T]], unsettled: frozenset[HTTPStatus] = frozenset()
    ) -> T:
        """Repeat a request while Graph is busy, or does not know yet what was just created.

        Raises:
            GraphError: The request is still refused after the time for that.
        """
        budget = ReadBudget(self._settle_seconds)
        for attempt in count():
            try:
                return await request()
            except GraphError as error:
                passing = error.is_passing or error.status in unsettled
                known = GraphError(error.status, error.code, error.retry_after, is_passing=passing)
                await budget.wait(known, attempt)
        raise AssertionError  # count() has no end


def _read[T](schema: TypeAdapter[T], document: Any) -> T:
    try:
        return check(schema, document)
    except Malformed as fault:
        message = f"Microsoft Graph's answer does not make sense ({fault})."
        raise MicrosoftUnavailable(message) from None


@cache
def _application_schema() -> TypeAdapter[Application]:
    return TypeAdapter(Application)


@cache
def _trust_schema() -> TypeAdapter[Trust]:
    return TypeAdapter(Trust)


@cache
def _object_schema() -> TypeAdapter[_Object]:
    return TypeAdapter(_Object)


@cache
def _assignment_schema() -> TypeAdapter[_Assignment]:
    return TypeAdapter(_Assignment)
