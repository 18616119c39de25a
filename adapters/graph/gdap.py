"""GDAP relationships: created with the least-privileged roles and locked for approval.

https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from adapters.graph.client import GraphClient, GraphError
from adapters.identity import TokenSource
from domain.errors import ConsentRequired, GdapRefused, MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.ports import Relationship

_PATH = "/tenantRelationships/delegatedAdminRelationships"
_INVITE = (
    "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/"
)
# Microsoft Entra's role template IDs; Global Administrator is never among them.
# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
ROLES = {
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Intune Administrator": "3a2c62db-5318-420d-8d74-23affee5d9d5",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Compliance Administrator": "17315797-102d-40b4-93e0-432062caca18",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "Teams Administrator": "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "Service Support Administrator": "f023fd81-a637-4b56-95fd-791ac0226033",
}
_LONGEST_NAME = 50
# A relationship that nobody approves within 90 days expires.
_APPROVAL = timedelta(days=90)
_CLIENT_ERRORS = range(400, 500)
_BUSY = {408, 429}


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


def _request(tenant_id: TenantId, display_name: str, duration_days: int) -> dict[str, Any]:
    return {
        # Microsoft wants a name that is unique among the partner's relationships.
        "displayName": f"{display_name[: _LONGEST_NAME - 9]} {uuid4().hex[:8]}",
        "duration": f"P{duration_days}D",
        "autoExtendDuration": "PT0S",
        "customer": {"tenantId": tenant_id, "displayName": display_name},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in ROLES.values()]},
    }


def _relationship(created: dict[str, Any]) -> Relationship:
    try:
        identifier = str(created["id"])
        return Relationship(identifier, _INVITE + identifier, _expiry(created))
    except (KeyError, TypeError, ValueError):
        raise GraphError(0, "the relationship has no ID or date") from None


def _expiry(relationship: dict[str, Any]) -> datetime:
    """Return when the invite ends: 90 days after its making unless Microsoft says otherwise."""
    text = relationship.get("endDateTime") or relationship["createdDateTime"]
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment if relationship.get("endDateTime") else moment + _APPROVAL


def _meaning(error: GraphError) -> Exception:
    if error.is_denied:
        return ConsentRequired("The partner app may not manage GDAP relationships (yet).")
    if error.status in _CLIENT_ERRORS and error.status not in _BUSY:
        return GdapRefused(f"Microsoft refuses the GDAP relationship ({error.code}).")
    return MicrosoftUnavailable(str(error), error.retry_after or 30)
