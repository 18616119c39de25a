"""A stack whose app reaches storage through a proxy that counts its writes."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.tables.storage import Storage
from local.azurite import connection_string
from local.browser import Browser
from local.stack import Ports, Stack
from tests.due import due_entries
from tests.e2e.portal import CONTOSO, Portal
from tests.faults.bench import Bench
from tests.faults.forked import ForkedHost
from tests.faults.proxy import Proxy, WriteCounter


@pytest.fixture(scope="module")
async def bench(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[Bench]:
    counter, ports = WriteCounter(), Ports.free()
    async with (
        Proxy(counter, lambda: ports.table) as tables,
        Proxy(counter, lambda: ports.queue) as queues,
    ):
        settings = {
            "STORAGE_CONNECTION_STRING": connection_string(ports.blob, queues.port, tables.port),
            "STAFF_CACHE_SECONDS": "0",
            "WORK_REDELIVERY_SECONDS": "0",
        }
        run_dir = tmp_path_factory.mktemp("faults")
        shutil.copytree(certificates, run_dir, dirs_exist_ok=True)
        stack = Stack(run_dir, ports, timers=False, settings=settings, launch=ForkedHost)
        async with stack, Browser(stack.api, stack.microsoft, stack.ca) as browser:
            store = Storage.connect(stack.storage)
            portal = Portal(browser)
            await portal.tenant(CONTOSO, users=5)
            await _nobody_else_is_due(store)
            yield Bench(stack, portal, counter, store)
            await store.close()


async def _nobody_else_is_due(store: Storage) -> None:
    async for entry in due_entries(store.sync_schedule, datetime.now(UTC)):
        await store.sync_schedule.remove(entry)
