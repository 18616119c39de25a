"""What the service's token for a tenant may do at Microsoft Graph."""

from typing import Protocol

from domain.msp import Msp
from domain.tenant import Tenant


class TenantAccess(Protocol):
    """Reads the permissions in the tokens with which the service reaches tenants."""

    async def permissions(self, msp: Msp, tenant: Tenant, *, fresh: bool = False) -> frozenset[str]:
        """Return the Graph permissions in the tenant's current token.

        For the partner tenant these are application permissions, for a customer the delegated
        permissions of the service account, such as `User.Read.All`. Whether the account's Entra
        roles suffice as well is known only to Microsoft.

        Args:
            fresh: Whether to get a new token first. A token may be an hour old, and does not have
                what was consented to since then.

        Raises:
            ConsentRequired: The app has no consent in the tenant, or does not have it yet.
            TenantNotManageable: The service account has no access to the customer; the text says
                what to do.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: Microsoft Identity does not answer.
            StorageUnavailable: The secret store does not answer, and a token is needed.
        """
        ...
