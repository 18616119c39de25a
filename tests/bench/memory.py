"""The memory of a process that syncs a large tenant for the first time: at most 200 MiB."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from domain.messages import write_tenant_ref
from tests.bench.microsoft import azurite, microsoft
from tests.faults.synced import Synced, synced

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,100000").split(",")]
BOUND_MIB = 200
# The whole app is loaded, as it is in the process of a worker.
_SYNC = """
import resource, sys
import function_app
from domain.messages import read_tenant_ref
from tests.faults.sync_process import sync_here
sync_here(read_tenant_ref(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


async def _peak(own: Synced, storage: str) -> float:
    """Sync in a separate process; return its peak memory, in MiB."""
    await own.request()
    environment = os.environ | own.simulation.app_environment(storage)
    command = [sys.executable, "-c", _SYNC, write_tenant_ref(own.ref)]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout)


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        async with microsoft(run_dir) as (simulation, tokens, graph):
            for users in SIZES:
                await simulation.tenant(users=users, consented=True)
                async with (
                    azurite(run_dir) as storage,
                    synced(storage, simulation, tokens, graph) as own,
                ):
                    peak = await _peak(own, storage)
                    count = (await own.state()).data_set("users").count
                    if count != users:
                        raise RuntimeError(f"{count} of {users} users were stored")
                    print(f"first sync of {users} users: at most {peak:.0f} MiB", flush=True)
                    if peak > BOUND_MIB:
                        raise RuntimeError(f"that is over {BOUND_MIB} MiB")


if __name__ == "__main__":
    asyncio.run(_run())
