"""Removing a tenant: the order of writes that lets no crash leave half of one behind."""

from collections.abc import Callable
from datetime import datetime

from domain.identifiers import MspId, TenantId, TenantRef
from domain.ports.msp_store import MspStore, TenantRecords
from domain.ports.pending_work import PendingWork, PendingWorkStore, WorkKind
from domain.ports.queues import Queues
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange, decide_and_commit
from domain.tenant import Tenant, TenantRemoval


async def remove_tenant(  # noqa: PLR0913  the ports that a removal needs
    msps: MspStore,
    pending_work: PendingWorkStore,
    queues: Queues,
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
        await pending_work.record(PendingWork(WorkKind.PURGE_TENANT, _removed(operations), now))
        await msps.commit(operations)

    removed = await decide_and_commit(lambda: msps.snapshot(msp_id, tenant_id), decide, commit)
    await queues.purge_tenant(removed.ref)
    return removed


def removal_row(snapshot: TenantRecords, tenant: Tenant, now: datetime) -> RowChange:
    """Return the note that the tenant was removed now, written together with its removal.

    By it a GDAP relationship that was agreed before then does not bring the tenant back.
    """
    removal, known = TenantRemoval(tenant.msp_id, tenant.tenant_id, now), snapshot.removal
    return Replace(removal, known.version) if known else Insert(removal)


def _removed(operations: tuple[RowChange, ...]) -> TenantRef:
    return next(
        operation.row.ref
        for operation in operations
        if isinstance(operation, Remove) and isinstance(operation.row, Tenant)
    )
