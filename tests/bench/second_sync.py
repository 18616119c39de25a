"""The second sync of an unchanged tenant: its requests, and how long it takes.

The simulation records the requests, and a proxy in front of Azurite the table operations.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.sync_state import SyncPhase
from local.azurite import connection_string
from tests.bench.microsoft import azurite, microsoft
from tests.bench.rounds import ROUNDS, median
from tests.faults.proxy import Proxy, WriteCounter
from tests.faults.synced import Synced, synced

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "200,2000,20000").split(",")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The number of Graph requests and table operations of one sync."""

    graph: int
    tables: int
    seconds: float


async def count_a_sync(own: Synced, counter: WriteCounter) -> Asked:
    """Sync a tenant whose request is on the queue, and count."""
    await own.request()
    await own.simulation.browser.control("DELETE", "/requests")
    counter.requests, began = 0, time.perf_counter()
    await own.sync_once()
    taken, tables = time.perf_counter() - began, counter.requests
    # A batch is one request, whatever its parts.
    graph = [entry for entry in await own.simulation.asked("/v1.0/") if not entry["batch"]]
    if (await own.state()).phase is not SyncPhase.SUCCEEDED:
        raise RuntimeError("the sync did not succeed")
    return Asked(len(graph), tables, taken)


@asynccontextmanager
async def counted_tables(storage: str, counter: WriteCounter) -> AsyncIterator[str]:
    """Count the requests to a storage account's tables; yield a connection string."""
    ports = [int(port) for port in re.findall(r":(\d+)/devstoreaccount1", storage)]
    async with Proxy(counter, lambda: ports[2]) as tables:
        yield connection_string(ports[0], ports[1], tables.port)


async def _run() -> None:
    counter = WriteCounter()
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        async with (
            microsoft(run_dir) as (simulation, tokens, graph),
            azurite(run_dir) as storage,
            counted_tables(storage, counter) as counted,
        ):
            for users in SIZES:
                await simulation.tenant(users=users, consented=True)
                async with synced(counted, simulation, tokens, graph) as own:
                    first = await count_a_sync(own, counter)
                    later = [await count_a_sync(own, counter) for _ in range(ROUNDS)]
                    _show(users, first, later)


def _show(users: int, first: Asked, later: list[Asked]) -> None:
    print(
        f"second sync of {users} unchanged users, {len(later)} rounds: "
        f"at most {max(asked.graph for asked in later)} Graph requests and "
        f"{max(asked.tables for asked in later)} table operations, "
        f"median {1000 * median([asked.seconds for asked in later]):.0f} ms "
        f"(the first: {first.graph}, {first.tables}, {1000 * first.seconds:.0f} ms)"
    )


if __name__ == "__main__":
    asyncio.run(_run())
