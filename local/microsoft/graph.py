"""Microsoft Graph: checks the token, finds what a path names, and checks who may use it."""

from typing import Any

import jwt

from local.microsoft import lists, users
from local.microsoft.administration import Administration
from local.microsoft.answers import GraphAnswer, GraphRequest, Refused
from local.microsoft.callers import Caller, caller
from local.microsoft.device_codes import GRAPH_COMMAND_LINE
from local.microsoft.gdap import GdapRoutes
from local.microsoft.pacing import pace
from local.microsoft.reports import is_report, redirect
from local.microsoft.resources import Access, find, words
from local.microsoft.state import Microsoft
from local.microsoft.tenant import Tenant
from local.microsoft.tokens import SigningKeys
from local.microsoft.topics.all import RESOURCES
from local.microsoft.writes import write

# With the partner's own app only: no role in a customer tenant is enough.
_RELATIONSHIPS = Access(words("DelegatedAdminRelationship.ReadWrite.All"), frozenset())


class Graph:
    """The routes of the simulated Graph."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys
        self.administration = Administration(microsoft)

    async def answer(self, request: GraphRequest) -> GraphAnswer:
        """Answer one request, after its token and permission have been checked."""
        try:
            claims = self.claims(request.authorization)
            if claims["appid"] == GRAPH_COMMAND_LINE:
                return self.administration.answer(request, claims)
            tenant = self._microsoft.tenants[claims["tid"]]
            sender = caller(self._microsoft, tenant, claims)
            pace(tenant, sender.app_id, request.path.strip("/"))
            return self._route(request, tenant, sender, request.path.strip("/").split("/"))
        except Refused as refused:
            return refused.answer

    def claims(self, authorization: str) -> dict[str, Any]:
        """Return a token's claims.

        Raises:
            Refused: 401 for a token that is not Entra's, not for Graph, or expired.
        """
        try:
            return self._keys.read(authorization.removeprefix("Bearer "), self._microsoft.origin)
        except jwt.PyJWTError:
            message = "Access token validation failure."
            raise Refused(401, "InvalidAuthenticationToken", message) from None

    def _route(
        self, request: GraphRequest, tenant: Tenant, sender: Caller, parts: list[str]
    ) -> GraphAnswer:
        match parts:
            case ["users", *rest]:
                return users.answer(self._microsoft.origin, tenant, sender, request, rest)
            case ["tenantRelationships", "delegatedAdminRelationships", *rest]:
                sender.check(_RELATIONSHIPS)
                gdap = GdapRoutes(self._microsoft.origin, self._microsoft.relationships)
                return gdap.answer(request, tenant.tenant_id, rest)
        path = request.path.strip("/")
        if is_report(path) and request.method == "GET":
            return redirect(self._microsoft.downloads, tenant, sender, path)
        return self._resource(request, tenant, sender)

    def _resource(self, request: GraphRequest, tenant: Tenant, sender: Caller) -> GraphAnswer:
        found = find(RESOURCES, request.version, request.path.strip("/"))
        if found is None:
            text = f"Resource not found for the segment '{request.path.split('/')[1]}'."
            raise Refused(400, "BadRequest", text)
        if request.method == "GET":
            sender.check(found.resource.read, found.resource.denied)
            return lists.read(self._microsoft.origin, tenant, request, found)
        return write(tenant, sender, request, found)
