"""The work queues."""

from typing import Protocol

from domain.identifiers import SessionRef, TenantRef


class Queues(Protocol):
    """The work queues. Messages carry identifiers only and may come twice, late or never."""

    async def sync_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        """Ask for a sync of the tenant."""
        ...

    async def purge_tenant(self, ref: TenantRef, delay_seconds: int = 0) -> None:
        """Ask for the deletion of what a removed tenant owned."""
        ...

    async def complete_consent(self, ref: SessionRef, delay_seconds: int = 0) -> None:
        """Ask to go on with a consent that is pending."""
        ...
