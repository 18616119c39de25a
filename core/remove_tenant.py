"""Removing a tenant: the order of writes by which no crash leaves half of one behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.transactions import decide_and_commit
from domain.identifiers import MspId, TenantId, TenantRef
from domain.ports.msp_store import MspStore, TenantRecords
from domain.ports.pending_work import PendingWork, PendingWorkStore
from domain.ports.queues import Queues
from domain.row_changes import Decision, Remove, RowChange
from domain.tenant import Tenant
from domain.work_queues import PURGE_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPorts:
    """What the removal of a tenant needs from outside."""

    msps: MspStore
    pending_work: PendingWorkStore
    queues: Queues


async def remove_tenant(
    ports: RemovalPorts,
    msp_id: MspId,
    tenant_id: TenantId,
    decide: Callable[[TenantRecords], Decision[Tenant]],
    now: datetime,
) -> Tenant:
    """Remove a tenant row as decided, and set off the purge of all that the tenant owned.

    The intent is on record before the transaction and stays until the purge is complete, so
    that the purge happens also when the process dies in between or the message is lost.

    Args:
        decide: The pure rule; what it raises is passed on, and nothing has changed then.
    """

    async def commit(operations: tuple[RowChange, ...]) -> None:
        await ports.pending_work.record(PendingWork(PURGE_TENANT, _removed(operations), now))
        await ports.msps.commit(operations)

    removed = await decide_and_commit(
        lambda: ports.msps.snapshot(msp_id, tenant_id), decide, commit
    )
    await ports.queues.send(PURGE_TENANT, removed.ref)
    return removed


def _removed(operations: tuple[RowChange, ...]) -> TenantRef:
    return next(
        operation.row.ref
        for operation in operations
        if isinstance(operation, Remove) and isinstance(operation.row, Tenant)
    )
