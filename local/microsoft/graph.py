"""Microsoft Graph v1.0, as far as the app calls it: permissions, and reads page by page."""

from datetime import UTC, datetime
from typing import Any

import jwt

from domain.gdap import ROLES
from local.microsoft.answers import (
    GraphAnswer,
    GraphRequest,
    Refused,
    collection,
    error_answer,
    link,
    opaque,
)
from local.microsoft.conditional_access import policies
from local.microsoft.gdap import GdapRoutes
from local.microsoft.licences import subscribed_skus
from local.microsoft.secure_scores import secure_scores
from local.microsoft.state import Microsoft, Tenant
from local.microsoft.tokens import SigningKeys

_PERMISSIONS = {
    "organization": {"Organization.Read.All"},
    "users": {"User.Read.All"},
    "subscribedSkus": {"LicenseAssignment.Read.All"},
    "security": {"SecurityEvents.Read.All"},
    "identity": {"Policy.Read.All"},
    "tenantRelationships": {"DelegatedAdminRelationship.ReadWrite.All"},
}
# What a delegated token may read also depends on the roles that GDAP gives the account.
_READERS = {
    "organization": set(ROLES),
    "users": {"Global Reader", "User Administrator", "License Administrator"},
    "subscribedSkus": {"Global Reader", "User Administrator", "License Administrator"},
    "security": {"Global Reader", "Security Reader", "Security Administrator"},
    "identity": {
        *("Global Reader", "Security Reader", "Security Administrator"),
        "Conditional Access Administrator",
    },
}
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 999


class Graph:
    """The routes of the simulated Graph."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys
        self._gdap = GdapRoutes(microsoft.origin, microsoft.relationships)

    async def answer(self, request: GraphRequest) -> GraphAnswer:
        """Answer one request, after its token and permission have been checked."""
        try:
            claims = self.claims(request.authorization)
            parts = request.path.strip("/").split("/")
            self._permit(claims, parts[0])
            return self._route(request, claims, parts)
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

    def _permit(self, claims: dict[str, Any], resource: str) -> None:
        needed = _PERMISSIONS.get(resource)
        if needed is None:
            raise Refused(400, "BadRequest", f"Resource not found for the segment '{resource}'.")
        if "roles" in claims or claims.get("idtyp") == "app":
            held = set(claims.get("roles") or ())
        else:
            held = set(str(claims.get("scp")).split())
            self._check_roles(claims, resource)
        if self._tenant(claims).revoked & needed or not needed & held:
            message = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", message)

    def _check_roles(self, claims: dict[str, Any], resource: str) -> None:
        """Check the current roles: access that has ended is refused at once."""
        home = self._microsoft.apps[claims["appid"]].home
        roles = self._microsoft.relationships.roles(home, claims["tid"])
        if not roles:
            raise Refused(401, "InvalidAuthenticationToken", "Access has been revoked.")
        if not roles & {ROLES[name] for name in _READERS.get(resource, ())}:
            message = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", message)

    def _tenant(self, claims: dict[str, Any]) -> Tenant:
        return self._microsoft.tenants[claims["tid"]]

    def _route(  # noqa: PLR0911  one return per resource
        self, request: GraphRequest, claims: dict[str, Any], parts: list[str]
    ) -> GraphAnswer:
        tenant = self._tenant(claims)
        match [request.method, *parts]:
            case ["GET", "organization"]:
                return collection([_organization(tenant)])
            case ["GET", "users"]:
                return self._users(request, tenant)
            case ["GET", "users", "delta" | "delta()"]:
                return self._delta(request, tenant)
            case ["GET", "users", user_id]:
                return _one(tenant, user_id, request.query)
            case ["GET", "subscribedSkus"]:
                return collection(subscribed_skus(tenant.number))
            case ["GET", "security", "secureScores"]:
                now = datetime.now(UTC)
                scores = secure_scores(tenant.number, tenant.tenant_id, now)
                return collection(scores[: int(request.query.get("$top", 100))])
            case ["GET", "identity", "conditionalAccess", "policies"]:
                return collection(policies(tenant.number))
            case [_, "tenantRelationships", "delegatedAdminRelationships", *rest]:
                return self._gdap.answer(request, claims["tid"], rest)
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _users(self, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
        size = min(int(request.query.get("$top", _DEFAULT_PAGE)), _LARGEST_PAGE)
        start = opaque(request.query.get("$skiptoken"), 0)
        indices = tenant.indices()
        page = [_selected(tenant.user(i), request.query) for i in indices[start : start + size]]
        body: dict[str, Any] = {"value": page}
        if start + size < len(indices):
            body["@odata.nextLink"] = link(
                self._microsoft.origin, "/users", request.query, "$skiptoken", start + size
            )
        return GraphAnswer(200, body)

    def _delta(self, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
        token = request.query.get("$deltatoken")
        if token == "latest":  # noqa: S105  Graph's word for "from now"
            return self._delta_end(request, tenant, [])
        if token is None:
            everybody = [_selected(tenant.user(i), request.query) for i in tenant.indices()]
            return self._delta_end(request, tenant, everybody)
        since = opaque(token, -1)
        if since < tenant.oldest_delta:
            return error_answer(410, "syncStateNotFound", "The sync state generation is not found.")
        minimal = "return=minimal" in request.prefer and not tenant.tells_all
        changed = sorted(set(tenant.changes[since:]))
        values = [_change(tenant, index, request.query) for index in changed]
        if minimal:
            values = [
                value if index in tenant.created_since(since) else _minimal(value)
                for index, value in zip(changed, values, strict=True)
            ]
        return self._delta_end(request, tenant, values)

    def _delta_end(
        self, request: GraphRequest, tenant: Tenant, values: list[dict[str, Any]]
    ) -> GraphAnswer:
        now = len(tenant.changes)
        after = link(self._microsoft.origin, "/users/delta", request.query, "$deltatoken", now)
        return GraphAnswer(200, {"value": values, "@odata.deltaLink": after})


def _organization(tenant: Tenant) -> dict[str, Any]:
    initial = tenant.domain.split(".")[0].replace("-", "") + ".onmicrosoft.com"
    domain = {"capabilities": "Email, OfficeCommunicationsOnline", "type": "Managed"}
    return {
        "id": tenant.tenant_id,
        "displayName": tenant.display_name,
        "countryLetterCode": "AU",
        "verifiedDomains": [
            {**domain, "name": initial, "isDefault": False, "isInitial": True},
            {**domain, "name": tenant.domain, "isDefault": True, "isInitial": False},
        ],
    }


def _one(tenant: Tenant, user_id: str, query: dict[str, str]) -> GraphAnswer:
    for index in tenant.indices():
        user = tenant.user(index)
        if user_id in (user["id"], user["userPrincipalName"]):
            return GraphAnswer(200, _selected(user, query))
    raise Refused(404, "Request_ResourceNotFound", "The user does not exist.")


def _change(tenant: Tenant, index: int, query: dict[str, str]) -> dict[str, Any]:
    user = tenant.user(index)
    if index in tenant.deleted:
        return {"id": user["id"], "@removed": {"reason": "changed"}}
    return _selected(user, query)


def _minimal(change: dict[str, Any]) -> dict[str, Any]:
    """Return only the changed properties of a user: here, only its name.

    https://learn.microsoft.com/graph/delta-query-overview
    """
    return {name: change[name] for name in ("id", "displayName", "@removed") if name in change}


def _selected(user: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    names = query.get("$select")
    if not names:
        return user
    return {name: user[name] for name in names.split(",") if name in user}
