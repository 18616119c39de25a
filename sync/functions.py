"""The search for due tenants, by a timer and a queue, and the queue that syncs a tenant."""

from functools import partial

import azure.functions as func

from domain.identifiers import ScheduleRange, TenantRef
from domain.work_queues import FIND_DUE_TENANTS, SYNC_TENANT
from edge.triggers import FailedMessages, add_timer, add_work_queue, new_blueprint
from sync.due_tenants import find_due_tenants, search_partitions
from sync.failed_messages import record_failed_sync
from sync.sync_tenant import SyncPorts, sync_tenant


def sync_functions(ports: SyncPorts) -> func.Blueprint:
    """Return the area's functions."""
    blueprint, failed = new_blueprint(), FailedMessages(ports.msps, ports.clock)

    async def find(within: ScheduleRange, _message_id: str) -> None:
        await find_due_tenants(ports, within)

    async def sync(ref: TenantRef, _message_id: str) -> None:
        await sync_tenant(ports, ref)

    search = partial(search_partitions, ports)
    add_timer(blueprint, "sync_due_tenants", "SYNC_SCHEDULE", search)
    add_work_queue(blueprint, FIND_DUE_TENANTS, failed, find)
    mark_failed = partial(record_failed_sync, ports)
    add_work_queue(blueprint, SYNC_TENANT, failed, sync, mark_failed)
    return blueprint
