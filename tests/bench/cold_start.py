"""What a cold start costs: the app's import against that of its four SDKs alone.

The app is measured as it runs in Azure, with managed identity and Key Vault. The SDKs are
azure-functions, azure-data-tables, azure-storage-queue and azure-identity (which loads MSAL), with
the aiohttp transport that the clients use.
"""

import os
import statistics
import subprocess
import sys

from tests.bench.rounds import ROUNDS
from tests.simulation import ROOT

_SDKS = """
import azure.functions, azure.data.tables.aio, azure.storage.queue.aio, azure.identity.aio
import azure.core.pipeline.transport._aiohttp
"""
_APP = "import function_app"
_MEASURE = """
import resource, time
began = time.perf_counter()
{code}
taken = time.perf_counter() - began
print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _measure(code: str) -> tuple[float, float]:
    """Return seconds and MiB of an import in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STORAGE_TABLE_ENDPOINT": "https://contoso.table.core.windows.net",
        "STORAGE_QUEUE_ENDPOINT": "https://contoso.queue.core.windows.net",
        "KEY_VAULT_URL": "https://contoso.vault.azure.net",
        "API_AUDIENCE": "a",
        "PORTAL_URL": "p",
        "CONSENT_REDIRECT_URI": "c",
        "SYNC_SCHEDULE": "0 * * * * *",
        "RECOVERY_SCHEDULE": "0 * * * * *",
    }
    script = _MEASURE.format(code=code.strip())
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    taken, memory = done.stdout.split()
    return float(taken), float(memory)


def main() -> None:
    """Print medians and ratios."""
    rounds = [(_measure(_SDKS), _measure(_APP)) for _ in range(4 * ROUNDS + 1)][1:]
    for index, (name, unit) in enumerate((("time", "s"), ("memory", "MiB"))):
        sdks = statistics.median(sdk[index] for sdk, _ in rounds)
        app = statistics.median(app[index] for _, app in rounds)
        ratio = statistics.median(app[index] / sdk[index] for sdk, app in rounds)
        print(
            f"cold start, {name}: SDKs {sdks:.2f} {unit}, app {app:.2f} {unit}, ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
