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

    Every method raises GdapRefused when Microsoft refuses, ConsentRequired when the partner app
    may not manage relationships (yet), MicrosoftRefused when its credential is refused, and
    MicrosoftUnavailable when there is no answer.
    """

    async def invite(
        self, msp: Msp, tenant_id: TenantId, display_name: str, duration_days: int
    ) -> Relationship:
        """Create a relationship, locked for approval."""
        ...

    async def relationships(self, msp: Msp) -> Relationships:
        """Return every relationship that the MSP has or had, read to the last page."""
        ...

    async def assign(self, msp: Msp, relationship: GdapRelationship) -> bool:
        """Give each of the MSP's security groups its roles in an accepted relationship.

        What is as it should be is left alone, so it can be repeated.

        Returns:
            Whether all of them have their access by now; Microsoft takes its time.
        """
        ...
