"""The result of reconciling a tenant with its customer's relationships."""

from dataclasses import dataclass
from enum import StrEnum

from domain.gdap import GdapRelationship
from domain.tenant import GdapInvite, Tenant


class Change(StrEnum):
    """The change to the tenant; NOTED changes only the invite."""

    ACCEPTED = "accepted"
    REACTIVATED = "reactivated"
    RECONNECTED = "reconnected"
    LOST = "lost"
    NOTED = "noted"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The change, and the tenant and the invite after it.

    Args:
        relationship: The active relationship that gives access, or None.
    """

    change: Change
    tenant: Tenant | None = None
    invite: GdapInvite | None = None
    relationship: GdapRelationship | None = None
