"""The proof of consent at Microsoft."""

from typing import Protocol

from domain.identifiers import TenantId
from domain.msp import Msp
from domain.tenant import (
    Organization,
)


class Identity(Protocol):
    """Microsoft Identity and Graph, as far as consent needs them."""

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        """Return the organisation that the partner app can read with an app-only token.

        Cached tokens of the tenant are dropped first, so that new permissions show.

        Raises:
            ConsentRequired: No token, a token without the role to read the organisation, or
                Graph says 401 or 403: there is no consent, or it has not propagated yet.
            OrganizationMismatch: Graph names another organisation.
            MicrosoftRefused: The app's own credential is refused; waiting does not help.
            MicrosoftUnavailable: No answer, or one that asks to wait.
        """
        ...
