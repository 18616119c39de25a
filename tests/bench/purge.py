"""The duration of a purge of 100,000 users, message by message: python -m tests.bench.purge.

PURGE_USERS changes the number of users.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.tables.storage import Storage
from domain.digest import to_stored
from domain.identifiers import MspId, TenantId, TenantRef, new_epoch
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.work_queues import PURGE_TENANT
from local.azurite import connection_string, start_azurite
from local.microsoft.people import user
from local.processes import free_ports
from tenants.purge import PurgePorts, purge_tenant
from tests.fakes.outside import FakeQueues

USERS = int(os.environ.get("PURGE_USERS", "100000"))
REF = TenantRef(MspId(str(uuid4())), TenantId(str(uuid4())), new_epoch())


async def main() -> None:
    with TemporaryDirectory() as folder:
        ports = free_ports(3)
        where = (ports[0], ports[1], ports[2])
        azurite = await start_azurite(Path(folder), where, None, os.environ["PATH"])
        storage = Storage.connect(connection_string(*ports))
        await storage.create_tables()
        await _fill(storage)
        await _purge(storage)
        await storage.close()
        await azurite.stop()


async def _fill(storage: Storage) -> None:
    began = time.perf_counter()
    for start in range(0, USERS, 5000):
        people = [user(1, n, "example.com") for n in range(start, min(start + 5000, USERS))]
        records = [to_stored(SyncedRecord(str(person["id"]), person)) for person in people]
        await storage.records.write(REF, records)
    print(f"{USERS} users written in {time.perf_counter() - began:.1f} s")


async def _purge(storage: Storage) -> None:
    queues = FakeQueues()
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
    await storage.pending_work.record(PendingWork(PURGE_TENANT, REF, datetime.now(UTC)))
    await queues.send(PURGE_TENANT, REF)
    began, steps = time.perf_counter(), list[float]()
    while queues.purges:
        step = time.perf_counter()
        await purge_tenant(ports, queues.purges.pop(), "bench")
        steps.append(time.perf_counter() - step)
    print(f"purged in {time.perf_counter() - began:.1f} s, {len(steps)} messages")
    print(f"the longest message took {max(steps):.1f} s")
    left = await storage.records.page(REF, 1)
    events = await storage.msps.audit_events(REF.msp_id, 100)
    print(f"rows left: {len(left.items)}; events: {[event.action for event in events.items]}")


if __name__ == "__main__":
    asyncio.run(main())
