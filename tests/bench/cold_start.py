"""The cost of a cold start: the app's import compared with that of only its four SDKs.

The app is measured as it runs in Azure, with managed identity and Key Vault. The SDKs are
azure-functions, azure-data-tables, azure-storage-queue and azure-identity (which loads MSAL), with
the aiohttp transport that the clients use. All of it has bytecode, as in a deployed package; the
last line is the app when its own modules are compiled at each start.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

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
used = resource.getrusage(resource.RUSAGE_SELF)
print(taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
SETTINGS = {
    "PYTHONPATH": str(ROOT),
    "STORAGE_TABLE_ENDPOINT": "https://contoso.table.core.windows.net",
    "STORAGE_QUEUE_ENDPOINT": "https://contoso.queue.core.windows.net",
    "STORAGE_BLOB_ENDPOINT": "https://contoso.blob.core.windows.net",
    "KEY_VAULT_URL": "https://contoso.vault.azure.net",
    "API_AUDIENCE": "a",
    "PAGE_TOKEN_KEY": "k" * 32,
    "PORTAL_URL": "p",
    "CONSENT_REDIRECT_URI": "c",
    "SYNC_SCHEDULE": "0 * * * * *",
    "GDAP_SCHEDULE": "15 * * * * *",
    "RECOVERY_SCHEDULE": "0 * * * * *",
    "INVOICE_SCHEDULE": "0 * * * * *",
}


class Cost(NamedTuple):
    """The cost of a process that imports: seconds, total processor seconds, and MiB."""

    time: float
    processor: float
    memory: float


def _measure(code: str, bytecode: dict[str, str]) -> Cost:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    script = _MEASURE.format(code=code.strip())
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | SETTINGS | bytecode,
        capture_output=True,
        text=True,
        check=True,
    )
    return Cost(*map(float, done.stdout.split()))


def main() -> None:
    """Print medians and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {"PYTHONPYCACHEPREFIX": folder}
        _measure(_SDKS, kept)
        _measure(_APP, kept)
        # Installed packages have their bytecode; only the app's is not written.
        without = {"PYTHONDONTWRITEBYTECODE": "1"}
        rounds = [
            (_measure(_SDKS, kept), _measure(_APP, kept), _measure(_APP, without))
            for _ in range(4 * ROUNDS)
        ]
    for index, (name, unit) in enumerate((("time", "s"), ("processor", "s"), ("memory", "MiB"))):
        sdks = statistics.median(sdk[index] for sdk, _, _ in rounds)
        app = statistics.median(app[index] for _, app, _ in rounds)
        ratio = statistics.median(app[index] / sdk[index] for sdk, app, _ in rounds)
        print(
            f"cold start, {name}: SDKs {sdks:.2f} {unit}, app {app:.2f} {unit}, ratio {ratio:.2f}"
        )
    ratio = statistics.median(app.time / sdk.time for sdk, _, app in rounds)
    print(f"cold start, time without the app's bytecode: ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
