"""Removing a tenant: the order of writes ensures that a crash leaves no part of it behind."""

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
    """The ports that the removal of a tenant needs."""

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
    """Remove a tenant row as decided, and start the purge of everything that the tenant owned.

    The pending work is recorded before the transaction and kept until the purge is complete. So
    the purge is done even if the process crashes in between or the message is lost.

    Args:
        decide: The pure rule; if it raises an error, nothing is changed and the error is passed
            on.
    """

    async def commit(operations: tuple[RowChange, ...]) -> None:
        await ports.pending_work.record(PendingWork(PURGE_TENANT, _removed(operations), now))
        await ports.msps.commit(operations)

    removed = await decide_and_commit(
        lambda: ports.msps.tenant_records(msp_id, tenant_id), decide, commit
    )
    await ports.queues.send(PURGE_TENANT, removed.ref)
    return removed


def _removed(operations: tuple[RowChange, ...]) -> TenantRef:
    return next(
        operation.row.ref
        for operation in operations
        if isinstance(operation, Remove) and isinstance(operation.row, Tenant)
    )
