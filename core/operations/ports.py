"""The ports of operations, and their rows in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.operations.kind import OperationKind
from core.stored_users import StoredUserUpdates
from domain.errors import NoSuchMsp
from domain.identifiers import OperationRef
from domain.msp import Msp
from domain.operation import Operation, OperationQueue
from domain.ports.clock import Clock
from domain.ports.directory import Directory
from domain.ports.graph_writer import GraphWriter
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues
from domain.ports.tenant_access import TenantAccess
from domain.row_changes import Versioned
from domain.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPorts:
    """The ports of operations.

    Args:
        kinds: Every kind of operation, by name.
    """

    msps: MspStore
    pending_work: PendingWorkStore
    queues: Queues
    clock: Clock
    writer: GraphWriter
    directory: Directory
    access: TenantAccess
    stored_users: StoredUserUpdates
    kinds: Mapping[str, OperationKind]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operation with all that a check of it needs."""

    msp: Msp
    tenant: Tenant
    kind: OperationKind
    operation: Operation


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """An operation, and the queue of its tenant."""

    operation: Versioned[Operation] | None
    queue: Versioned[OperationQueue] | None

    @property
    def operation_or_none(self) -> Operation | None:
        """The operation itself."""
        return self.operation.value if self.operation else None


async def read_rows(msps: MspStore, ref: OperationRef) -> LedgerRows:
    """Return the rows of an operation."""
    return LedgerRows(
        await msps.find(Operation, ref.msp_id, ref.tenant_id, ref.epoch, ref.operation_id),
        await msps.find(OperationQueue, ref.msp_id, ref.tenant_id, ref.epoch),
    )


async def tenant_of(msps: MspStore, ref: OperationRef) -> Tenant | None:
    """Return the tenant in the life that the operation belongs to, or None."""
    known = await msps.find(Tenant, ref.msp_id, ref.tenant_id)
    return known.value if known and known.value.ref == ref.tenant else None


async def msp_of(msps: MspStore, ref: OperationRef) -> Msp:
    """Return the operation's MSP."""
    head = await msps.head(ref.msp_id)
    if head is None:
        raise NoSuchMsp
    return head.msp.value
