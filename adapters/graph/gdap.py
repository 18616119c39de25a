"""GDAP relationships: created with the least-privileged roles and locked for approval.

https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from adapters.graph.client import GraphClient, GraphError, ReadBudget
from adapters.identity import TokenSource
from domain.errors import ConsentRequired, GdapRefused, MalformedInput, MicrosoftUnavailable
from domain.gdap import ROLES, GdapRelationship, RelationshipState
from domain.identifiers import TenantId, parse_tenant_id
from domain.msp import Msp, SecurityGroup
from domain.ports import Relationship

_PATH = "/tenantRelationships/delegatedAdminRelationships"
INVITE = (
    "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/"
)
_LONGEST_NAME = 50
# A relationship that nobody approves within 90 days expires.
_APPROVAL = timedelta(days=90)
_CLIENT_ERRORS = range(400, 500)
_BUSY = {408, 429}
_PATIENCE_SECONDS, _MOST_PAGES = 30.0, 1000
# Somebody else did the same at the same moment; the next look shows what came of it.
_OVERTAKEN = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}
# https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
_STATES = {
    "approvalPending": RelationshipState.PENDING,
    "approved": RelationshipState.PENDING,
    "activating": RelationshipState.PENDING,
    "active": RelationshipState.LIVE,
    "expiring": RelationshipState.LIVE,
    "terminationRequested": RelationshipState.LIVE,
    "expired": RelationshipState.ENDED,
    "terminated": RelationshipState.ENDED,
}
_GONE = {"deleting", "deleted"}


class GraphGdap:
    """Gdap over Microsoft Graph, called app-only in the tenant of the partner app."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        """Create a relationship and lock it, so that the customer can approve it."""
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        try:
            body = _request(tenant_id, display_name, duration_days)
            created = await self._graph.post(_PATH, token, body)
            relationship = _relationship(created)
            lock = f"{_PATH}/{relationship.relationship_id}/requests"
            await self._graph.post(lock, token, {"action": "lockForApproval"})
        except GraphError as error:
            raise _meaning(error) from None
        return relationship

    async def relationships(self, msp: Msp) -> Sequence[GdapRelationship]:
        """Read every relationship, 300 a page as Microsoft allows at most."""
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        try:
            found = [_met(item) async for item in self._items(f"{_PATH}?$top=300", token)]
        except GraphError as error:
            raise _meaning(error) from None
        return [relationship for relationship in found if relationship]

    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        """Make the access assignments that are missing, and put right those that differ.

        https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments
        """
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        path = f"{_PATH}/{relationship.relationship_id}/accessAssignments"
        try:
            there = {
                _group(item): item
                async for item in self._items(path, token)
                if item.get("status") not in _GONE
            }
            done = [
                await self._assign(path, token, _assignment(group, relationship), there)
                for group in msp.app.security_groups
            ]
        except GraphError as error:
            if error.status in _OVERTAKEN:
                return False
            raise _meaning(error) from None
        return all(done)

    async def _assign(
        self, path: str, token: str, wanted: dict[str, Any], there: dict[str, dict[str, Any]]
    ) -> bool:
        """Look after one group's assignment; return whether it is active already."""
        if not _roles(wanted):
            return True  # A relationship made in Partner Center may lack all of them.
        known = there.get(_group(wanted))
        if known is None:
            await self._graph.post(path, token, wanted)
            return False
        if _roles(known) == _roles(wanted) and known.get("status") != "error":
            return known.get("status") == "active"
        # Microsoft demands the version, so that two changes at once do not undo each other.
        etag = str(known.get("@odata.etag", ""))
        change = {"accessDetails": wanted["accessDetails"]}
        await self._graph.patch(f"{path}/{known['id']}", token, change, etag)
        return False

    async def _items(self, path: str, token: str) -> AsyncIterator[dict[str, Any]]:
        budget = ReadBudget(_PATIENCE_SECONDS)
        link = path
        for _ in range(_MOST_PAGES):
            document = await self._graph.get(link, token, budget)
            values = document.get("value")
            if not isinstance(values, list):
                raise GraphError(0, "the answer is no collection")
            for item in values:
                yield item
            following = self._graph.link(document, "@odata.nextLink")
            if following is None:
                return
            link = following
        raise GraphError(0, "the pages have no end")


def _request(tenant_id: TenantId, display_name: str, duration_days: int) -> dict[str, Any]:
    return {
        # Microsoft wants a name that is unique among the partner's relationships.
        "displayName": f"{display_name[: _LONGEST_NAME - 9]} {uuid4().hex[:8]}",
        "duration": f"P{duration_days}D",
        "autoExtendDuration": "PT0S",
        "customer": {"tenantId": tenant_id, "displayName": display_name},
        "accessDetails": _access(ROLES.values()),
    }


def _assignment(group: SecurityGroup, relationship: GdapRelationship) -> dict[str, Any]:
    """Return a group's assignment: of its roles, those that the customer has agreed to."""
    container = {
        "accessContainerId": group.group_id,
        "accessContainerType": "securityGroup",
    }
    known = {ROLES[name] for name in group.roles if name in ROLES}
    roles = known & relationship.roles
    return {"accessContainer": container, "accessDetails": _access(sorted(roles))}


def _access(roles: Iterable[str]) -> dict[str, Any]:
    return {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]}


def _group(assignment: dict[str, Any]) -> str:
    container = assignment.get("accessContainer") or {}
    return str(container.get("accessContainerId", "")).lower()


def _roles(document: dict[str, Any]) -> frozenset[str]:
    roles = (document.get("accessDetails") or {}).get("unifiedRoles") or []
    return frozenset(str(role.get("roleDefinitionId", "")).lower() for role in roles)


def _relationship(created: dict[str, Any]) -> Relationship:
    try:
        identifier = str(created["id"])
        return Relationship(identifier, INVITE + identifier, _expiry(created))
    except (KeyError, TypeError, ValueError):
        raise GraphError(0, "the relationship has no ID or date") from None


def _met(item: dict[str, Any]) -> GdapRelationship | None:
    """Read a relationship; one that names no customer yet is nobody's."""
    customer = item.get("customer")
    if not customer:
        return None
    made = _relationship(item)
    try:
        return GdapRelationship(
            relationship_id=made.relationship_id,
            tenant_id=parse_tenant_id(str(customer["tenantId"])),
            display_name=customer.get("displayName") or item["displayName"],
            state=_STATES.get(item["status"], RelationshipState.NEITHER),
            status=item["status"],
            invite_url=made.invite_url,
            created_at=_moment(item["createdDateTime"]),
            activated_at=_moment(item["activatedDateTime"]) if item["activatedDateTime"] else None,
            ends_at=made.expires_at,
            roles=_roles(item),
        )
    except (KeyError, TypeError, ValueError, MalformedInput):
        raise GraphError(0, "a relationship lacks what makes one") from None


def _expiry(relationship: dict[str, Any]) -> datetime:
    """Return when the invite ends: 90 days after its making unless Microsoft says otherwise."""
    text = relationship.get("endDateTime")
    return _moment(text) if text else _moment(relationship["createdDateTime"]) + _APPROVAL


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _meaning(error: GraphError) -> Exception:
    if error.is_denied:
        return ConsentRequired("The partner app may not manage GDAP relationships (yet).")
    if error.status in _CLIENT_ERRORS and error.status not in _BUSY:
        return GdapRefused(f"Microsoft refuses the GDAP relationship ({error.code}).")
    return MicrosoftUnavailable(str(error), error.retry_after or 30)
