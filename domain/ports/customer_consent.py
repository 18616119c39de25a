"""The partner app's consent in customers' tenants, at Microsoft."""

from typing import Protocol

from domain.identifiers import TenantId
from domain.msp import Msp


class CustomerConsents(Protocol):
    """Consents of customers to the delegated permissions of the MSP's partner app.

    Every method raises CustomerConsentRefused if Microsoft refuses the MSP's service account or
    app, MicrosoftUnavailable if there is no answer or too many requests were made, and
    StorageUnavailable if the secrets cannot be read.
    """

    def version_of(self, msp: Msp) -> str:
        """Return the version of the permissions that the MSP's customers consent to."""
        ...

    async def is_given(self, msp: Msp, tenant_id: TenantId) -> bool:
        """Return whether a new token of the service account for the customer has all scopes.

        This is the proof of a consent, whoever gave it.
        """
        ...

    async def give(self, msp: Msp, tenant_id: TenantId) -> None:
        """Consent through Partner Center; an earlier consent is replaced.

        The call can be repeated. Entra ID may take minutes to show the consent.
        """
        ...
