"""Graph's routes for GDAP relationships and their access assignments."""

from typing import Any
from uuid import uuid4

from local.microsoft.answers import (
    GraphAnswer,
    GraphRequest,
    Refused,
    collection,
    link,
    opaque,
    page_size,
)
from local.microsoft.relationships import Relationships, new_etag

_PATH = "/tenantRelationships/delegatedAdminRelationships"
_LARGEST_PAGE = 300
_STEPS = {
    "lockForApproval": ({"created"}, "approvalPending"),
    "terminate": ({"active", "expiring"}, "terminating"),
}


class GdapRoutes:
    """Answers a partner about its own relationships only."""

    def __init__(self, origin: str, relationships: Relationships) -> None:
        self._origin, self._relationships = origin, relationships

    def answer(self, request: GraphRequest, home: str, rest: list[str]) -> GraphAnswer:
        """Answer a request below the collection of relationships."""
        if not rest:
            answer = self._make if request.method == "POST" else self._list
            return answer(request, home)
        if self._relationships.owners.get(rest[0]) != home:
            raise Refused(404, "NotFound", "The relationship does not exist.")
        return self._of_one(request, rest[0], rest[1:])

    def _make(self, request: GraphRequest, home: str) -> GraphAnswer:
        body = request.body or {}
        name, roles = body.get("displayName", ""), _roles(body)
        if not 0 < len(name) <= 50 or not roles or "duration" not in body:
            raise Refused(400, "BadRequest", "The relationship is not valid.")
        if name in {r["displayName"] for r in self._relationships.of(home)}:
            raise Refused(409, "Conflict", "A relationship of this name exists.")
        return GraphAnswer(201, self._relationships.add(home, body))

    def _list(self, request: GraphRequest, home: str) -> GraphAnswer:
        size = page_size(request.query, _LARGEST_PAGE, _LARGEST_PAGE)
        start, own = opaque(request.query.get("$skiptoken"), 0), self._relationships.of(home)
        body: dict[str, Any] = {"value": own[start : start + size]}
        if start + size < len(own):
            query = {"$top": str(size)}
            body["@odata.nextLink"] = link(self._origin, _PATH, query, "$skiptoken", start + size)
        return GraphAnswer(200, body)

    def _of_one(self, request: GraphRequest, identity: str, rest: list[str]) -> GraphAnswer:
        match [request.method, *rest]:
            case ["GET"]:
                return GraphAnswer(200, self._relationships.read(identity))
            case ["POST", "requests"]:
                return self._step(identity, request.body)
            case ["GET", "accessAssignments"]:
                return collection(self._relationships.assignments_of(identity))
            case ["POST", "accessAssignments"]:
                return self._assign(identity, request.body)
            case ["PATCH", "accessAssignments", assignment_id]:
                return self._change(identity, assignment_id, request)
        raise Refused(404, "ResourceNotFound", "There is no such resource.")

    def _step(self, identity: str, body: dict[str, Any]) -> GraphAnswer:
        sources, target = _STEPS.get(body.get("action", ""), (set[str](), ""))
        if self._relationships.read(identity)["status"] not in sources:
            raise Refused(400, "BadRequest", "The action is not supported.")
        self._relationships.set_status(identity, target)
        return GraphAnswer(201, {"id": uuid4().hex, "action": body["action"], "status": "created"})

    def _assign(self, identity: str, body: dict[str, Any]) -> GraphAnswer:
        self._check_roles(identity, body)
        group = body["accessContainer"]["accessContainerId"]
        there = self._relationships.assignments_of(identity)
        if group in {known["accessContainer"]["accessContainerId"] for known in there}:
            raise Refused(409, "Conflict", "The group has an assignment already.")
        return GraphAnswer(201, self._relationships.assign(identity, body))

    def _change(self, identity: str, assignment_id: str, request: GraphRequest) -> GraphAnswer:
        there = self._relationships.assignments_of(identity)
        known = next((a for a in there if a["id"] == assignment_id), None)
        if known is None:
            raise Refused(404, "NotFound", "The assignment does not exist.")
        if request.if_match is None:
            raise Refused(428, "PreconditionRequired", "The request needs If-Match.")
        if request.if_match != known["@odata.etag"]:
            raise Refused(412, "PreconditionFailed", "The assignment has changed.")
        self._check_roles(identity, request.body)
        changed = {"accessDetails": request.body["accessDetails"], "status": "pending"}
        known |= {**changed, "@odata.etag": new_etag()}
        return GraphAnswer(202, known)

    def _check_roles(self, identity: str, body: dict[str, Any]) -> None:
        relationship = self._relationships.read(identity)
        if relationship["status"] != "active":
            raise Refused(400, "BadRequest", "The relationship is not active.")
        if not _roles(body) or not _roles(body) <= _roles(relationship):
            raise Refused(400, "BadRequest", "The relationship has no such role.")


def _roles(body: dict[str, Any]) -> set[str]:
    roles = (body.get("accessDetails") or {}).get("unifiedRoles") or []
    return {role["roleDefinitionId"] for role in roles}
