"""GDAP relationships at Microsoft."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.gdap import GdapRelationship, Relationships
from domain.identifiers import TenantId
from domain.msp import Msp


@dataclass(frozen=True, slots=True)
class Relationship:
    """A GDAP relationship that waits for the customer's approval."""

    relationship_id: str
    invite_url: str
    expires_at: datetime


class Gdap(Protocol):
    """GDAP relationships at Microsoft Graph, called as the MSP's partner app.

    Every method raises GdapRefused if Microsoft refuses, ConsentRequired if the partner app may
    not manage relationships (yet), MicrosoftRefused if its credential is refused, and
    MicrosoftUnavailable if there is no answer.
    """

    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        """Create a relationship, locked for approval."""
        ...

    async def relationships(self, msp: Msp) -> Relationships:
        """Return every relationship that the MSP has or had, from all pages."""
        ...

    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        """Assign its roles in an accepted relationship to each of the MSP's security groups.

        Correct assignments are left unchanged, so the call can be repeated.

        Returns:
            Whether all groups have their access already; Microsoft needs some time for it.
        """
        ...
