"""A tenant's directory as it is now: who a user is, and who is privileged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import ObjectId
from domain.msp import Msp
from domain.tenant import Tenant


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user.

    Args:
        is_synced: Whether the user is managed in the customer's Active Directory.
    """

    user_id: ObjectId
    user_principal_name: str
    is_synced: bool = False


class Directory(Protocol):
    """Reads a tenant's directory live: what sync has stored may be hours old.

    Every method raises MicrosoftUnavailable if Microsoft does not answer, and ConsentRequired,
    RoleRequired, TenantNotManageable or MicrosoftError if it refuses.
    """

    async def user(self, msp: Msp, tenant: Tenant, user_id: str) -> DirectoryUser | None:
        """Return a user by object ID or user principal name, or None."""
        ...

    async def role_holders(self, msp: Msp, tenant: Tenant) -> Mapping[ObjectId, frozenset[str]]:
        """Return the Entra roles that users hold, directly or through a group, by template ID.

        Eligible roles are not included before they are activated.
        """
        ...

    async def enabled_users(
        self, msp: Msp, tenant: Tenant, user_ids: Collection[ObjectId]
    ) -> frozenset[ObjectId]:
        """Return those of the users whose sign-in is enabled."""
        ...

    async def service_account(self, msp: Msp) -> ObjectId | None:
        """Return the MSP's service account, a user of its own tenant; None if it has none."""
        ...
