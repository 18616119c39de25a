"""The timer that finds due tenants, and the queue that syncs one."""

from datetime import timedelta

import azure.functions as func

from domain.messages import read_tenant_ref
from edge.poison import PoisonKind, record_poison
from sync.due_tenants import sync_due_tenants
from sync.failed_messages import record_failed_sync
from sync.sync_tenant import SyncPorts, sync_tenant
from telemetry import traced

_POISON = PoisonKind("sync-tenant", "sync.failed", read_tenant_ref)


def sync_functions(ports: SyncPorts, interval: timedelta) -> func.Blueprint:
    """Return the area's functions."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # it has no types
    _timer(blueprint, ports, interval)
    _queue(blueprint, ports)
    return blueprint


def _timer(blueprint: func.Blueprint, ports: SyncPorts, interval: timedelta) -> None:
    @blueprint.function_name("sync_due_tenants")
    @blueprint.timer_trigger("timer", "%SYNC_SCHEDULE%")
    @traced
    async def sync_due_tenants_timer(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding's name
        await sync_due_tenants(ports, interval)


def _queue(blueprint: func.Blueprint, ports: SyncPorts) -> None:
    @blueprint.function_name("sync_tenant")
    @blueprint.queue_trigger("message", "sync-tenant", "AzureWebJobsStorage")
    @traced
    async def sync_tenant_message(message: func.QueueMessage) -> None:
        await sync_tenant(ports, read_tenant_ref(message.get_body()))

    @blueprint.function_name("sync_tenant_poison")
    @blueprint.queue_trigger("message", "sync-tenant-poison", "AzureWebJobsStorage")
    @traced
    async def sync_tenant_poison_message(message: func.QueueMessage) -> None:
        ref = await record_poison(ports.msps, _POISON, message, ports.clock.now())
        if ref is not None:
            await record_failed_sync(ports, ref)
