"""GDAP relationships and access assignments as Graph returns them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, NotRequired, TypedDict

from pydantic import StringConstraints, TypeAdapter, with_config

from adapters.graph.answers import GraphError
from adapters.schema import STRICT, Few, Guid, Key, Malformed, Moment, Name, Word, check
from domain.gdap import (
    GdapRelationship,
    Relationships,
    RelationshipState,
    UnreadableRelationship,
)
from domain.identifiers import TenantId
from domain.ports.gdap import Relationship

INVITE = (
    "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/"
)
# A relationship that is not approved within 90 days expires.
_APPROVAL = timedelta(days=90)
# https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
_STATES = {
    "approvalPending": RelationshipState.PENDING,
    "approved": RelationshipState.PENDING,
    "activating": RelationshipState.PENDING,
    "active": RelationshipState.ACTIVE,
    "expiring": RelationshipState.ACTIVE,
    "terminationRequested": RelationshipState.ACTIVE,
    "expired": RelationshipState.ENDED,
    "terminated": RelationshipState.ENDED,
}
_GONE = {"deleting", "deleted"}

_log = logging.getLogger(__name__)

# An ID that becomes part of a URL.
type _PathKey = Annotated[
    str,
    StringConstraints(
        strict=True, min_length=1, max_length=150, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$"
    ),
]


@with_config(STRICT)
class _Role(TypedDict):
    roleDefinitionId: Key


@with_config(STRICT)
class _AccessDetails(TypedDict):
    unifiedRoles: NotRequired[Few[_Role] | None]


@with_config(STRICT)
class _Container(TypedDict):
    accessContainerId: Key


# The names of its properties are not valid as attributes of a class.
Assignment = TypedDict(
    "Assignment",
    {
        "id": _PathKey,
        "status": NotRequired[Word | None],
        "@odata.etag": NotRequired[Word | None],
        "accessContainer": _Container,
        "accessDetails": NotRequired[_AccessDetails | None],
    },
)
Assignment.__pydantic_config__ = STRICT  # type: ignore[attr-defined]  # pydantic's own name


@with_config(STRICT)
class _Customer(TypedDict):
    tenantId: Guid
    displayName: NotRequired[Name | None]


@with_config(STRICT)
class _CustomerId(TypedDict):
    tenantId: Guid


@with_config(STRICT)
class _Named(TypedDict):
    customer: _CustomerId


@with_config(STRICT)
class _WithId(TypedDict):
    id: _PathKey


@with_config(STRICT)
class _Made(_WithId):
    createdDateTime: Moment
    endDateTime: NotRequired[Moment | None]


@with_config(STRICT)
class _Met(_Made):
    """https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship ."""

    displayName: NotRequired[Name | None]
    status: Word
    customer: _Customer
    activatedDateTime: NotRequired[Moment | None]
    accessDetails: NotRequired[_AccessDetails | None]


@cache
def _schema(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def group_of(assignment: Assignment) -> str:
    """Return the ID of the group that an assignment gives access to."""
    return assignment["accessContainer"]["accessContainerId"].lower()


def roles_of(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the template IDs of the roles that a relationship or an assignment grants."""
    roles = (document.get("accessDetails") or {}).get("unifiedRoles") or []
    return frozenset(role["roleDefinitionId"].lower() for role in roles)


def read_assignments(items: Iterable[Any]) -> Iterator[Assignment]:
    """Yield the assignments that exist and can be read."""
    logged: set[str] = set()
    for item in items:
        try:
            assignment = check(_schema(Assignment), item)
        except Malformed as fault:
            _log_once(logged, "an access assignment cannot be read: %s", fault)
            continue
        if assignment.get("status") not in _GONE:
            yield assignment


def read_made(created: Any) -> Relationship:
    """Return a relationship that was just created.

    Raises:
        GraphError: It cannot be read.
    """
    try:
        made = check(_schema(_Made), created)
    except Malformed as fault:
        raise GraphError(0, f"the relationship cannot be read: {fault}") from None
    return Relationship(made["id"], INVITE + made["id"], _expiry(made))


def read_relationships(items: Iterable[Any]) -> Relationships:
    """Read relationships; a relationship without a customer is ignored."""
    found: list[GdapRelationship] = []
    unreadable: list[UnreadableRelationship] = []
    logged: set[str] = set()
    for item in items:
        if isinstance(item, dict) and item.get("customer", item) is None:
            continue
        try:
            found.append(_met(check(_schema(_Met), item)))
        except Malformed as fault:
            unreadable.append(_unreadable(item))
            _log_once(logged, "a GDAP relationship cannot be read: %s", fault)
    return Relationships(tuple(found), tuple(unreadable))


def _log_once(logged: set[str], message: str, fault: Malformed) -> None:
    if str(fault) not in logged:
        logged.add(str(fault))
        _log.warning(message, fault)


def _unreadable(item: Any) -> UnreadableRelationship:
    """Return the readable identifiers of a relationship that cannot be read completely."""
    named = _readable(_Named, item)
    with_id = _readable(_WithId, item)
    return UnreadableRelationship(
        TenantId(named["customer"]["tenantId"]) if named else None,
        with_id["id"] if with_id else None,
    )


def _readable(model: Any, item: Any) -> Any | None:
    try:
        return check(_schema(model), item)
    except Malformed:
        return None


def _met(item: _Met) -> GdapRelationship:
    customer = item["customer"]
    return GdapRelationship(
        relationship_id=item["id"],
        tenant_id=TenantId(customer["tenantId"]),
        display_name=(customer.get("displayName") or "").strip() or None,
        state=_STATES.get(item["status"], RelationshipState.OTHER),
        status=item["status"],
        invite_url=INVITE + item["id"],
        created_at=item["createdDateTime"],
        activated_at=item.get("activatedDateTime"),
        ends_at=_expiry(item),
        roles=roles_of(item),
        title=(item.get("displayName") or "").strip(),
    )


def _expiry(relationship: _Made) -> datetime:
    """Return when the invite expires: 90 days after its creation if Microsoft gives no date."""
    return relationship.get("endDateTime") or relationship["createdDateTime"] + _APPROVAL
