"""GDAP relationships: created with the least-privileged roles and locked for approval.

https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from http import HTTPStatus
from typing import Any, override
from uuid import uuid4

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.read_budget import ReadBudget
from adapters.graph.relationships import (
    Assignment,
    group_of,
    read_assignments,
    read_made,
    read_relationships,
    roles_of,
)
from adapters.identity import TokenSource
from domain.errors import ConsentRequired, GdapRefused, MicrosoftUnavailable
from domain.gdap import ALL_ROLES, OPTIONAL_ROLES, ROLES, GdapRelationship, Relationships
from domain.identifiers import TenantId
from domain.msp import Msp, SecurityGroup
from domain.ports.gdap import Gdap, Relationship

_PATH = "/tenantRelationships/delegatedAdminRelationships"
_LONGEST_NAME = 50
_CLIENT_ERRORS = range(400, 500)
_BUSY = {408, 429}
_PATIENCE_SECONDS = 30.0
# Another writer made the same change at the same time; the next poll shows the result.
_OVERTAKEN = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}


class GraphGdap(Gdap):
    """Gdap over Microsoft Graph, called app-only in the tenant of the partner app."""

    def __init__(self, tokens: TokenSource, graph: GraphClient) -> None:
        self._tokens, self._graph = tokens, graph

    @override
    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        try:
            body = _request(msp, tenant_id, display_name, duration_days)
            created = await self._graph.post(_PATH, token, body)
            relationship = read_made(created)
            lock = f"{_PATH}/{relationship.relationship_id}/requests"
            await self._graph.post(lock, token, {"action": "lockForApproval"})
        except GraphError as error:
            raise _domain_error(error) from None
        return relationship

    @override
    async def relationships(self, msp: Msp) -> Relationships:
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        try:
            items = [item async for item in self._items(f"{_PATH}?$top=300", token)]
        except GraphError as error:
            raise _domain_error(error) from None
        return read_relationships(items)

    @override
    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        """Create missing access assignments, and correct those that differ.

        https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments
        """
        token = await self._tokens.app_token(msp, msp.app.tenant_id)
        path = f"{_PATH}/{relationship.relationship_id}/accessAssignments"
        try:
            items = [item async for item in self._items(path, token)]
            there = {group_of(item): item for item in read_assignments(items)}
            done = [
                await self._assign(path, token, _assignment(group, relationship), there)
                for group in msp.app.security_groups
            ]
        except GraphError as error:
            if error.status in _OVERTAKEN:
                return False
            raise _domain_error(error) from None
        return all(done)

    async def _assign(
        self, path: str, token: str, wanted: dict[str, Any], there: Mapping[str, Assignment]
    ) -> bool:
        """Create or correct one group's assignment; return whether it is already active."""
        if not roles_of(wanted):
            return True  # A relationship created in Partner Center may have none of the roles.
        known = there.get(wanted["accessContainer"]["accessContainerId"].lower())
        if known is None:
            await self._graph.post(path, token, wanted)
            return False
        status = known.get("status")
        if roles_of(known) == roles_of(wanted) and status != "error":
            return status == "active"
        # Microsoft requires the version, so that concurrent changes do not overwrite each other.
        change = {"accessDetails": wanted["accessDetails"]}
        etag = known.get("@odata.etag") or ""
        await self._graph.patch(f"{path}/{known['id']}", token, change, etag)
        return False

    async def _items(self, path: str, token: str) -> AsyncIterator[Any]:
        budget = ReadBudget(_PATIENCE_SECONDS)
        pages = self._graph.pages(path, lambda link: self._graph.get(link, token, budget))
        async for document in pages:
            values = document.get("value")
            if not isinstance(values, list):
                raise GraphError(0, "the answer is no collection")
            for item in values:
                yield item


def _request(
    msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
) -> dict[str, Any]:
    optional = (OPTIONAL_ROLES[name] for name in msp.app.optional_roles if name in OPTIONAL_ROLES)
    return {
        # Microsoft requires a name that is unique among the partner's relationships.
        "displayName": f"{display_name[: _LONGEST_NAME - 9]} {uuid4().hex[:8]}",
        "duration": f"P{duration_days}D",
        "autoExtendDuration": "PT0S",
        "customer": {"tenantId": tenant_id, "displayName": display_name},
        "accessDetails": _access([*ROLES.values(), *optional]),
    }


def _assignment(group: SecurityGroup, relationship: GdapRelationship) -> dict[str, Any]:
    """Return a group's assignment, with those of its roles that the customer has agreed to."""
    container = {
        "accessContainerId": group.group_id,
        "accessContainerType": "securityGroup",
    }
    known = {ALL_ROLES[name] for name in group.roles if name in ALL_ROLES}
    roles = known & relationship.roles
    return {"accessContainer": container, "accessDetails": _access(sorted(roles))}


def _access(roles: Iterable[str]) -> dict[str, Any]:
    return {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]}


def _domain_error(error: GraphError) -> Exception:
    if error.is_denied:
        return ConsentRequired("The partner app may not manage GDAP relationships (yet).")
    if error.status in _CLIENT_ERRORS and error.status not in _BUSY:
        return GdapRefused(f"Microsoft refuses the GDAP relationship ({error.code}).")
    return MicrosoftUnavailable(str(error), error.retry_after or 30)
