"""The proof of consent at Microsoft."""

from typing import Protocol

from domain.identifiers import TenantId
from domain.msp import Msp
from domain.tenant import (
    Organization,
)


class Identity(Protocol):
    """The calls to Microsoft Identity and Graph that consent needs."""

    async def prove_consent(self, msp: Msp, tenant_id: TenantId) -> Organization:
        """Return the organisation that the partner app can read with an app-only token.

        Cached tokens of the tenant are dropped first, so that new permissions take effect.

        Raises:
            ConsentRequired: There is no token, the token lacks the role to read the organisation,
                or Graph returns 401 or 403: consent is missing, or has not propagated yet.
            OrganizationMismatch: Graph returns a different organisation.
            MicrosoftRefused: The app's own credential is refused; waiting does not help.
            MicrosoftUnavailable: Microsoft does not answer, or asks the caller to wait.
        """
        ...
