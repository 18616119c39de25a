"""What meeting a customer's relationships comes to."""

from dataclasses import dataclass
from enum import StrEnum

from domain.gdap import GdapRelationship
from domain.tenant import GdapInvite, Tenant

CLAIMED, PENDING, ACTIVE = "creating", "pending", "active"


class Change(StrEnum):
    """What meeting a customer's relationships came to."""

    ACCEPTED = "accepted"
    REACTIVATED = "reactivated"
    RECONNECTED = "reconnected"
    LOST = "lost"
    NOTED = "noted"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What it came to, and the tenant and the invite as they are now.

    Args:
        live: The relationship that gives access, if any does.
    """

    change: Change
    tenant: Tenant | None = None
    invite: GdapInvite | None = None
    active: GdapRelationship | None = None
