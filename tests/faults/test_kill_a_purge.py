"""A purge is killed at any write; in the end only the other tenants' rows are left."""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.known_data_sets import DATA_SETS
from domain.digest import to_stored
from domain.identifiers import Epoch, MspId, TenantId, TenantRef, new_epoch
from domain.ports.pending_work import PendingWork
from domain.ports.synced_records import SyncedRecord
from domain.ports.user_index import BlockReplacement
from domain.sync_state import SyncPhase, SyncState
from domain.user_block import UserBlock, by_block, entry_of
from domain.work_queues import PURGE_TENANT
from local.azurite import connection_string
from tests.faults.proxy import Kill, Proxy, WriteCounter
from tests.faults.purge_process import PurgeProcess
from tests.samples import NOW
from tests.simulation import Simulation

# PURGE_KILLS=30 and PURGE_KILL_USERS=1500 run it at full size.
KILLS = int(os.environ.get("PURGE_KILLS", "3"))
BLOCKS = ("00", "01", "10", "11")
USERS = int(os.environ.get("PURGE_KILL_USERS", "400"))


class Purged:
    """A removed tenant whose purges are processes that use storage through the proxy."""

    def __init__(
        self, storage: Storage, counter: WriteCounter, environment: dict[str, str]
    ) -> None:
        self.storage, self.counter, self._environment = storage, counter, environment
        self.ref = TenantRef(MspId(str(uuid4())), TenantId(str(uuid4())), new_epoch())
        # The tenant added again, the same customer at another MSP, and a neighbour.
        self.others = (
            replace(self.ref, epoch=Epoch(self.ref.epoch + "0")),
            replace(self.ref, msp_id=MspId(str(uuid4()))),
            replace(self.ref, tenant_id=TenantId(str(uuid4()))),
        )

    async def fill(self, ref: TenantRef, users: int) -> None:
        records = [to_stored(SyncedRecord(f"{n:06d}", {"n": n})) for n in range(users)]
        await self.storage.records.write(ref, records)
        for name in DATA_SETS:
            await self.storage.tenant_data.write(ref, name, {"a": {"id": "a"}})
        entries = {f"{n}": entry_of(f"{n}", {"displayName": f"{n}"}) for n in range(users)}
        divided = by_block(BLOCKS, entries)
        blocks = [UserBlock.of(name, divided.get(name, {}).values()) for name in BLOCKS]
        index = [BlockReplacement(block.name, [block]) for block in blocks]
        await self.storage.user_index.write(ref, index)
        if await self.storage.sync_states.find(ref) is None:
            await self.storage.sync_states.add(SyncState(ref, SyncPhase.SUCCEEDED, NOW))

    async def rows(self, *refs: TenantRef) -> list[dict[str, Any]]:
        """Return every row of these tenants, with the version that each was written with."""
        found = []
        for ref in refs:
            life = f"{ref.tenant_id}:{ref.epoch}"
            of_life = f"PartitionKey eq '{ref.msp_id}:{life}'"
            of_msp = f"PartitionKey eq '{ref.msp_id}'"
            queries = dict.fromkeys(("users", "tenantData"), of_life) | {
                "userIndex": f"{of_msp} and RowKey ge '{life}:' and RowKey lt '{life};'",
                "syncState": f"{of_msp} and RowKey eq '{life}'",
            }
            for name, query in queries.items():
                async for row in self.storage.table(name).query_entities(query):
                    found.append({**row, "table": name, "etag": row.metadata["etag"]})  # noqa: PERF401  an async loop
        return found

    async def removed(self) -> None:
        intent = PendingWork(PURGE_TENANT, self.ref, datetime.now(UTC))
        await self.storage.pending_work.record(intent)

    async def purge(self, kill_at: int | None = None, *, after: bool = False) -> int:
        """Purge in a process, optionally killed at a write; return its exit code."""
        process: list[PurgeProcess] = []
        kill = Kill(kill_at, after, lambda: process[0].pid) if kill_at else None
        self.counter.restart(kill)
        process.append(PurgeProcess(self._environment, self.ref, max(1, USERS // 4)))
        return await process[0].wait()


@pytest.fixture
async def purged(azurite: str, microsoft: Simulation) -> AsyncIterator[Purged]:
    counter = WriteCounter()
    ports = [int(port) for port in re.findall(r":(\d+)/devstoreaccount1", azurite)]
    storage, queues = Storage.connect(azurite), StorageQueues.connect(azurite)
    await storage.create_tables()
    await queues.create_queues()
    async with Proxy(counter, lambda: ports[2]) as tables:
        environment = {
            "STORAGE_CONNECTION_STRING": connection_string(ports[0], ports[1], tables.port),
            "SSL_CERT_FILE": str(microsoft.run_dir / "ca.pem"),
        }
        yield Purged(storage, counter, environment)
    await storage.close()
    await queues.close()


async def test_a_purge_that_is_killed_at_any_write_is_complete_in_the_end(purged: Purged) -> None:
    for ref in purged.others:
        await purged.fill(ref, 20)
    others = await purged.rows(*purged.others)
    assert {row["table"] for row in others} == {"users", "tenantData", "userIndex", "syncState"}
    await purged.fill(purged.ref, USERS)
    await purged.removed()
    assert await purged.purge() == 0
    writes, killed = purged.counter.count, 0
    for turn in range(KILLS):
        await purged.fill(purged.ref, USERS)
        await purged.removed()
        kill_at = 1 + turn * (writes - 1) // max(1, KILLS - 1)
        killed += await purged.purge(kill_at, after=turn % 2 == 1) < 0
        assert await purged.purge() == 0
        assert await purged.rows(purged.ref) == []
        assert await purged.rows(*purged.others) == others
        assert await purged.storage.pending_work.find(PURGE_TENANT, purged.ref) is None
    assert killed == KILLS
