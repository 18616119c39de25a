"""The timer that finds due tenants, and the queue that syncs one tenant per message."""

from functools import partial

import azure.functions as func

from domain.identifiers import TenantRef
from domain.work_queues import SYNC_TENANT
from edge.triggers import FailedMessages, add_timer, add_work_queue, new_blueprint
from sync.due_tenants import sync_due_tenants
from sync.failed_messages import record_failed_sync
from sync.sync_tenant import SyncPorts, sync_tenant


def sync_functions(ports: SyncPorts) -> func.Blueprint:
    """Return the area's functions."""
    blueprint = new_blueprint()

    async def sync(ref: TenantRef, _message_id: str) -> None:
        await sync_tenant(ports, ref)

    add_timer(
        blueprint,
        "sync_due_tenants",
        "SYNC_SCHEDULE",
        partial(sync_due_tenants, ports),
    )
    add_work_queue(
        blueprint,
        SYNC_TENANT,
        FailedMessages(ports.msps, ports.clock),
        sync,
        partial(record_failed_sync, ports),
    )
    return blueprint
