"""A sync in a separate process, which a test may kill at any moment."""

import asyncio
from collections.abc import Mapping

from domain.identifiers import TenantRef
from tests.faults.forked import Fork


class SyncProcess(Fork):
    """Syncs a tenant once, as the app would with these settings."""

    def __init__(self, environment: Mapping[str, str], ref: TenantRef) -> None:
        super().__init__(environment, sync_here, ref)


def sync_here(ref: TenantRef) -> None:
    """Sync a tenant in this process, which has the app's settings in its environment."""
    asyncio.run(_sync(ref))


async def _sync(ref: TenantRef) -> None:
    from settings import Settings  # noqa: PLC0415  after the child's environment is set
    from sync.sync_tenant import sync_tenant  # noqa: PLC0415
    from wiring.services import Services  # noqa: PLC0415
    from wiring.workers import sync_ports  # noqa: PLC0415

    services = Services.from_settings(Settings.from_environment())
    await sync_tenant(sync_ports(services), ref)
    await services.storage.close()
    await services.queues.close()
    await services.graph.close()
