"""A sync in a process of its own, which a test may kill at any moment.

The processes are forked from one that has everything imported, so that each starts at once.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Mapping

from domain.identifiers import TenantRef

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["wiring", "settings", "tests.faults.sync_process"])


class SyncProcess:
    """Syncs a tenant once, as the app would with these settings."""

    def __init__(self, environment: Mapping[str, str], ref: TenantRef) -> None:
        # aiohttp reads what it trusts when it is imported: the forks' parent must have it too.
        os.environ["SSL_CERT_FILE"] = environment["SSL_CERT_FILE"]
        self._process = _FORKS.Process(target=_sync_in_child, args=(dict(environment), ref))

    async def run(self) -> int:
        """Wait for the end; return the exit code, negative for a kill."""
        self._process.start()
        await asyncio.to_thread(self._process.join)
        return self._process.exitcode or 0

    @property
    def pid(self) -> int:
        """Its process ID, once it runs; its parent's before."""
        return self._process.pid or 0


def _sync_in_child(environment: dict[str, str], ref: TenantRef) -> None:
    os.environ |= environment
    asyncio.run(_sync(ref))


async def _sync(ref: TenantRef) -> None:
    from settings import Settings  # noqa: PLC0415  the child's environment is set by now
    from sync.sync_tenant import sync_tenant  # noqa: PLC0415
    from wiring import Services, sync_ports  # noqa: PLC0415

    services = Services.from_settings(Settings())
    await sync_tenant(sync_ports(services), ref)
    await services.storage.close()
    await services.queues.close()
    await services.graph.close()
