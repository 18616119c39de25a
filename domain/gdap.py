"""GDAP relationships as Microsoft reports them, and the roles that they grant.

https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.identifiers import TenantId

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
    # Partner Center consents to the partner app for an account with this role.
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Security Operator": "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Groups Administrator": "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    "Guest Inviter": "95e79109-95c0-4d8e-aee3-d01accf2d47b",
}
# Requested from customers only of an MSP that asks for them.
OPTIONAL_ROLES = {
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
}
ALL_ROLES = ROLES | OPTIONAL_ROLES


class RelationshipState(StrEnum):
    """The state of a relationship, reduced to what matters here.

    `pending` waits for the customer or is being set up. `live` gives access. `ended` no longer
    gives access. Any other state changes nothing.
    """

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GdapRelationship:
    """A relationship with a customer; this service need not have created it.

    Args:
        display_name: Microsoft's name for the customer, or None if it has none.
        title: The relationship's own name.
        status: The state as Microsoft calls it.
        invite_url: The page on which the customer's admin accepts.
        activated_at: When the customer accepted; None before.
        ends_at: When the invite expires; once it is accepted, when the relationship ends.
        roles: Template IDs of the Entra roles that it may grant.
    """

    relationship_id: str
    tenant_id: TenantId
    display_name: str | None
    state: RelationshipState
    status: str
    invite_url: str
    created_at: datetime
    activated_at: datetime | None
    ends_at: datetime
    roles: frozenset[str] = frozenset(ROLES.values())
    title: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableRelationship:
    """What is known about a relationship that cannot be read; None if not even that is known.

    Args:
        tenant_id: The customer's tenant ID.
    """

    tenant_id: TenantId | None
    relationship_id: str | None

    def may_be(self, tenant_id: TenantId, relationship_id: str | None) -> bool:
        """Return whether this may be the relationship that is stored for a customer."""
        if self.tenant_id is not None:
            return self.tenant_id == tenant_id
        return self.relationship_id is None or self.relationship_id == relationship_id


@dataclass(frozen=True, slots=True)
class Relationships:
    """All relationships of an MSP, as far as they can be read."""

    found: tuple[GdapRelationship, ...]
    unreadable: tuple[UnreadableRelationship, ...] = ()
