"""The areas that run without requests: sync, and the recovery of pending work."""

from datetime import timedelta

import azure.functions as func

from adapters.graph.reader import GraphReaders
from core.known_data_sets import DATA_SETS
from sync.functions import sync_functions
from sync.msp_profiles import MspProfiles
from sync.sync_tenant import SyncPorts
from wiring.services import Services
from work.functions import work_functions
from work.requeue import WorkPorts


def sync(services: Services) -> func.Blueprint:
    """Return the functions that find due tenants and sync them: a timer and two queues."""
    return sync_functions(sync_ports(services))


def sync_ports(services: Services) -> SyncPorts:
    """Return the ports of sync."""
    storage = services.storage
    return SyncPorts(
        msps=storage.msps,
        states=storage.sync_states,
        schedule=storage.sync_schedule,
        records=storage.records,
        tenant_data=storage.tenant_data,
        reader=GraphReaders(
            tokens=services.tokens,
            graph=services.graph,
            pace_seconds=services.settings.graph_pace_seconds,
        ),
        requests=services.sync_requests,
        profiles=MspProfiles(msps=storage.msps, clock=services.clock),
        clock=services.clock,
        user_index=storage.user_index,
        whole_reads=storage.whole_reads,
        data_sets=DATA_SETS.values(),
        interval=timedelta(hours=services.settings.sync_interval_hours),
    )


def work(services: Services) -> func.Blueprint:
    """Return the functions that recover pending work."""
    storage = services.storage
    ports = WorkPorts(
        msps=storage.msps,
        pending_work=storage.pending_work,
        queues=services.queues,
        clock=services.clock,
    )
    return work_functions(ports, timedelta(seconds=services.settings.work_redelivery_seconds))
