"""Microsoft Graph v1.0, as far as it is called: who may read what, page by page."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt

from local.microsoft import people
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
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 999


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """A request to Graph, alone or part of a batch."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """An answer of Graph's."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = error_answer(status, code, message)


def error_answer(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> GraphAnswer:
    """Return an error as Graph shapes it."""
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": str(uuid4()),
        "client-request-id": str(uuid4()),
    }
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return GraphAnswer(status, body, headers or {})


class Graph:
    """The routes of the simulated Graph."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys

    async def answer(self, request: GraphRequest) -> GraphAnswer:
        """Answer one request, once its token and permission are good."""
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
        if self._tenant(claims).revoked & needed or not needed & held:
            message = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", message)

    def _tenant(self, claims: dict[str, Any]) -> Tenant:
        return self._microsoft.tenants[claims["tid"]]

    def _route(  # noqa: PLR0911  one return a resource
        self, request: GraphRequest, claims: dict[str, Any], parts: list[str]
    ) -> GraphAnswer:
        tenant = self._tenant(claims)
        match [request.method, *parts]:
            case ["GET", "organization"]:
                return _collection([_organization(tenant)])
            case ["GET", "users"]:
                return self._users(request, tenant)
            case ["GET", "users", "delta" | "delta()"]:
                return self._delta(request, tenant)
            case ["GET", "users", user_id]:
                return _one(tenant, user_id, request.query)
            case ["GET", "subscribedSkus"]:
                return _collection(people.skus(tenant.number))
            case ["GET", "security", "secureScores"]:
                now = datetime.now(UTC)
                scores = people.secure_scores(tenant.number, tenant.tenant_id, now)
                return _collection(scores[: int(request.query.get("$top", 100))])
            case ["GET", "identity", "conditionalAccess", "policies"]:
                return _collection(people.policies(tenant.number))
            case [_, "tenantRelationships", "delegatedAdminRelationships", *rest]:
                return self._relationships(request, claims["tid"], rest)
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _users(self, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
        size = min(int(request.query.get("$top", _DEFAULT_PAGE)), _LARGEST_PAGE)
        start = _opaque(request.query.get("$skiptoken"), 0)
        indices = tenant.indices()
        page = [_selected(tenant.user(i), request.query) for i in indices[start : start + size]]
        body: dict[str, Any] = {"value": page}
        if start + size < len(indices):
            body["@odata.nextLink"] = self._link(
                "/users", request.query, "$skiptoken", start + size
            )
        return GraphAnswer(200, body)

    def _delta(self, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
        token = request.query.get("$deltatoken")
        if token == "latest":  # noqa: S105  Graph's word for "from now"
            return self._delta_end(request, tenant, [])
        if token is None:
            everybody = [_selected(tenant.user(i), request.query) for i in tenant.indices()]
            return self._delta_end(request, tenant, everybody)
        since = _opaque(token, -1)
        if since < tenant.oldest_delta:
            return error_answer(410, "syncStateNotFound", "The sync state generation is not found.")
        changed = sorted(set(tenant.changes[since:]))
        return self._delta_end(
            request, tenant, [_change(tenant, index, request.query) for index in changed]
        )

    def _delta_end(
        self, request: GraphRequest, tenant: Tenant, values: list[dict[str, Any]]
    ) -> GraphAnswer:
        now = len(tenant.changes)
        link = self._link("/users/delta", request.query, "$deltatoken", now)
        return GraphAnswer(200, {"value": values, "@odata.deltaLink": link})

    def _link(self, path: str, query: dict[str, str], name: str, value: int) -> str:
        kept = {key: text for key, text in query.items() if key in ("$select", "$top")}
        token = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
        arguments = "&".join(f"{key}={text}" for key, text in {**kept, name: token}.items())
        return f"{self._microsoft.origin}/v1.0{path}?{arguments}"

    def _relationships(self, request: GraphRequest, home: str, rest: list[str]) -> GraphAnswer:
        microsoft = self._microsoft
        if not rest:
            if request.method == "POST":
                return GraphAnswer(201, microsoft.add_relationship(home, request.body))
            own = [r for key, r in microsoft.relationships.items() if microsoft.owners[key] == home]
            return _collection(own)
        relationship = microsoft.relationships.get(rest[0])
        if relationship is None or microsoft.owners[rest[0]] != home:
            raise Refused(404, "NotFound", "The relationship does not exist.")
        match [request.method, *rest[1:]]:
            case ["GET"]:
                return GraphAnswer(200, relationship)
            case ["POST", "requests"]:
                return self._relationship_request(rest[0], request.body)
            case ["GET", "accessAssignments"]:
                return _collection(microsoft.assignments[rest[0]])
            case ["POST", "accessAssignments"]:
                assignment = {"id": uuid4().hex, "status": "pending", **request.body}
                microsoft.assignments[rest[0]].append(assignment)
                return GraphAnswer(201, assignment)
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _relationship_request(self, relationship_id: str, body: dict[str, Any]) -> GraphAnswer:
        status = {"lockForApproval": "approvalPending", "terminate": "terminating"}
        if body.get("action") not in status:
            raise Refused(400, "BadRequest", "The action is not supported.")
        self._microsoft.set_status(relationship_id, status[body["action"]])
        return GraphAnswer(201, {"id": uuid4().hex, "action": body["action"], "status": "created"})


def _collection(values: list[dict[str, Any]]) -> GraphAnswer:
    return GraphAnswer(200, {"value": values})


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


def _selected(user: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    names = query.get("$select")
    if not names:
        return user
    return {name: user[name] for name in names.split(",") if name in user}


def _opaque(token: str | None, default: int) -> int:
    if token is None:
        return default
    try:
        return int(json.loads(base64.urlsafe_b64decode(token)))
    except ValueError:
        raise Refused(400, "BadRequest", "The token is not valid.") from None
