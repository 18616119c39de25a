"""Which MSP a person is staff of."""

from typing import Protocol

from domain.identifiers import MspId, ObjectId, TenantId
from domain.row_changes import Versioned


class StaffIndex(Protocol):
    """Which MSP a person is staff of: the claim that makes a person staff of exactly one."""

    async def msp_of(self, tid: TenantId, oid: ObjectId) -> Versioned[MspId] | None:
        """Return the MSP that claims the person, or None."""
        ...

    async def claim(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> MspId:
        """Claim the person for the MSP unless one has already; return whose the person is."""
        ...

    async def release(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> None:
        """Give up the claim, if it is this MSP's."""
        ...
