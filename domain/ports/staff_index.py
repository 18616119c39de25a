"""Which MSP a person is staff of."""

from typing import Protocol

from domain.identifiers import MspId, ObjectId, TenantId
from domain.row_changes import Versioned


class StaffIndex(Protocol):
    """Which MSP a person is staff of. The claim ensures that it is only one MSP."""

    async def msp_of(self, tid: TenantId, oid: ObjectId) -> Versioned[MspId] | None:
        """Return the MSP that claims the person, or None."""
        ...

    async def claim(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> MspId:
        """Claim the person for the MSP, unless there is a claim; return the MSP that has it."""
        ...

    async def release(self, tid: TenantId, oid: ObjectId, msp_id: MspId) -> None:
        """Delete the claim, if it belongs to this MSP."""
        ...
