"""A purge in a separate process, which a test may kill at any moment."""

import asyncio
import os
from collections.abc import Mapping

from domain.identifiers import TenantRef
from tests.faults.forked import Fork


class PurgeProcess(Fork):
    """Processes a tenant's purge messages one after another until the work is done."""

    def __init__(self, environment: Mapping[str, str], ref: TenantRef, rows: int) -> None:
        super().__init__(environment, _purge_in_child, ref, rows)


def _purge_in_child(ref: TenantRef, rows: int) -> None:
    asyncio.run(_purge(ref, rows))


async def _purge(ref: TenantRef, rows: int) -> None:
    from adapters.clock import SystemClock  # noqa: PLC0415  the parent does not need them
    from adapters.queues import StorageQueues  # noqa: PLC0415
    from adapters.tables.storage import Storage  # noqa: PLC0415
    from domain.work_queues import PURGE_TENANT  # noqa: PLC0415
    from tenants.purge import Pace, PurgePorts, purge_tenant  # noqa: PLC0415

    connection_string = os.environ["STORAGE_CONNECTION_STRING"]
    storage = Storage.connect(connection_string)
    queues = StorageQueues.connect(connection_string)
    ports = PurgePorts(
        msps=storage.msps,
        sync_states=storage.sync_states,
        records=storage.records,
        tenant_data=storage.tenant_data,
        pending_work=storage.pending_work,
        queues=queues,
        clock=SystemClock(),
        user_index=storage.user_index,
        whole_reads=storage.whole_reads,
    )
    while await storage.pending_work.find(PURGE_TENANT, ref):
        await purge_tenant(ports, ref, "message", Pace(rows=rows))
    await storage.close()
    await queues.close()
