"""The state of each tenant's sync."""

from collections.abc import Mapping
from typing import Protocol

from domain.identifiers import MspId, TenantId, TenantRef
from domain.row_changes import Versioned
from domain.sync_state import SyncState


class SyncStates(Protocol):
    """The state of each tenant's sync; the row is also the worker's lease."""

    async def find(self, ref: TenantRef) -> Versioned[SyncState] | None:
        """Return a tenant's sync state, or None before the first request."""
        ...

    async def of_msp(
        self, msp_id: MspId, first: TenantId | None = None, last: TenantId | None = None
    ) -> Mapping[TenantRef, SyncState]:
        """Return the states of an MSP's tenants with IDs in [first, last], in one range read."""
        ...

    async def add(self, state: SyncState) -> str:
        """Store the first state of a tenant; return its version.

        Raises:
            ConcurrentChange: The tenant already has one.
        """
        ...

    async def replace(self, state: SyncState, version: str) -> str:
        """Overwrite the state; return the new version.

        Raises:
            ConcurrentChange: Another writer has changed it since it was read, or it was deleted.
        """
        ...

    async def remove(self, ref: TenantRef, version: str | None = None) -> None:
        """Delete a tenant's state, if there is one.

        Args:
            version: The version that it must have; any by default.

        Raises:
            ConcurrentChange: It has another version.
        """
        ...
