"""Many tenants on the real queue, processed by 1, 2 and 4 workers; Graph responds after 80 ms.

Workers are processes of the functions host that run the app. Each takes one tenant at a time by
default, so that waiting for Graph is measured: with the 16 at once of host.json, a single worker
uses a small machine fully. The last line measures that.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from domain.identifiers import MspId, TenantId, TenantRef, new_epoch
from domain.msp import Msp
from domain.row_changes import Insert
from domain.sync_state import SyncPhase
from local.processes import Child, free_ports
from tests.bench.microsoft import azurite, microsoft
from tests.faults.synced import Synced, synced
from tests.samples import tenant
from tests.simulation import OWN, ROOT, Simulation

TENANTS = int(os.environ.get("BENCH_TENANTS", "200"))
USERS = int(os.environ.get("BENCH_TENANT_USERS", "250"))
# Number of workers, and of concurrent tenants in each.
CONTESTS = ((1, 1), (2, 1), (4, 1), (1, 16))
LATENCY_SECONDS = 0.08
_BATCH_SIZE = "AzureFunctionsJobHost__extensions__queues__batchSize"
_ENDED = {SyncPhase.SUCCEEDED, SyncPhase.PARTIAL, SyncPhase.FAILED}


@dataclass(frozen=True, slots=True)
class Round:
    """The measurements of a round.

    Args:
        seconds: Until the last tenant was synced.
        used: Processor seconds of the workers.
        busy: Share of all cores' time used by any process: Azurite, the simulation, others.
    """

    seconds: float
    used: float
    busy: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """An MSP's tenants, and where they are synced."""

    own: Synced
    storage: str
    simulation: Simulation
    run_dir: Path

    async def round(self, ids: list[str], workers: int, at_once: int) -> "Round":
        """Sync every tenant as a newly added one."""
        await self._empty_tables()
        refs = await self._new_lives(ids)
        await self.simulation.browser.control("DELETE", "/requests")
        async with self._workers(workers, at_once) as pids:
            # They are held until everything is on the queue.
            _signal(pids, signal.SIGSTOP)
            for ref in refs:
                await self.own.ports.requests.request(ref, self.own.ports.clock.now())
            used, idle = sum(map(_processor_seconds, pids)), _idle_seconds()
            _signal(pids, signal.SIGCONT)
            began = time.perf_counter()
            await self._until_synced(refs)
            taken = time.perf_counter() - began
            used = sum(map(_processor_seconds, pids)) - used
            idle = _idle_seconds() - idle
        await self._check_each_once(ids)
        return Round(taken, used, 1 - idle / taken / (os.cpu_count() or 1))

    async def _empty_tables(self) -> None:
        """Delete all records: Azurite searches a partition by scanning every row of a table."""
        for name in ("users", "tenantData"):
            table = self.own.storage.table(name)
            await table.delete_table()
            await table.create_table()

    async def _new_lives(self, ids: list[str]) -> list[TenantRef]:
        msps = self.own.storage.msps
        msp = replace(await self._msp(), msp_id=MspId(new_epoch()))
        rows = [tenant(TenantId(i), msp_id=msp.msp_id, epoch=new_epoch()) for i in ids]
        await msps.commit((Insert(msp),))
        for row in rows:
            await msps.commit((Insert(row),))
        return [row.ref for row in rows]

    async def _msp(self) -> Msp:
        head = await self.own.storage.msps.head(self.own.ref.msp_id)
        if head is None:
            raise RuntimeError("the MSP is gone")
        return head.msp.value

    @asynccontextmanager
    async def _workers(self, workers: int, at_once: int) -> AsyncIterator[list[int]]:
        settings = self.simulation.app_environment(self.storage)
        environment = os.environ | settings | {_BATCH_SIZE: str(at_once), "LOCAL_TIMERS": "off"}
        async with AsyncExitStack() as stack:
            pids = []
            for number, port in enumerate(free_ports(workers)):
                child = Child(f"worker {number}", self.run_dir / f"worker{number}.log")
                command = [sys.executable, "-m", "local.host", "--port", str(port)]
                await child.start([*command, "--app", str(ROOT)], environment)
                stack.push_async_callback(child.kill)
                await child.until_listening(port)
                pids.append(child.pid)
            yield pids

    async def _until_synced(self, refs: list[TenantRef]) -> None:
        while True:
            await asyncio.sleep(0.2)
            states = await self.own.storage.sync_states.of_msp(refs[0].msp_id)
            phases = [states[ref].phase for ref in refs]
            if set(phases) <= _ENDED:
                break
        if set(phases) != {SyncPhase.SUCCEEDED}:
            raise RuntimeError(f"the syncs ended as {Counter(phases)}")

    async def _check_each_once(self, ids: list[str]) -> None:
        asked = await self.simulation.asked("/v1.0/users")
        reads = Counter(entry["tenantId"] for entry in asked if entry["path"] == "/v1.0/users")
        if reads != Counter(ids):
            raise RuntimeError("a tenant was synced twice, or not at all")


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _idle_seconds() -> float:
    """Return how long the cores were idle, or waited for a disk, since the start."""
    fields = Path("/proc/stat").read_text().split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        async with (
            microsoft(run_dir) as (simulation, tokens, graph),
            azurite(run_dir) as storage,
            synced(storage, simulation, tokens, graph) as own,
        ):
            ids = await simulation.browser.control(
                "POST", f"/tenants/{OWN}/customers", {"count": TENANTS, "users": USERS}
            )
            await simulation.faults({"path": "/v1.0/", "delaySeconds": LATENCY_SECONDS})
            crowd = Crowd(own, storage, simulation, run_dir)
            print(f"{TENANTS} tenants of {USERS} users, each read once; {os.cpu_count()} cores")
            alone = 0.0
            for workers, at_once in CONTESTS:
                took = await crowd.round(ids, workers, at_once)
                alone = alone or took.seconds
                print(
                    f"  {workers} workers, {at_once:2} tenants at once in each: "
                    f"{took.seconds:6.1f} s, {alone / took.seconds:.2f} times as fast as the "
                    f"first; processor time of the workers {took.used:.0f} s, "
                    f"the machine {took.busy:.0%} busy",
                    flush=True,
                )


if __name__ == "__main__":
    asyncio.run(_run())
