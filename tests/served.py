"""The local host, serving a test's own app in a separate process."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from local.processes import Child, free_ports

_ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def served(app: Path, storage: str, run_dir: Path) -> AsyncIterator[str]:
    """Serve an app; yield its address.

    Args:
        storage: Connection string.
        run_dir: Folder for the host's log.
    """
    (port,) = free_ports(1)
    child = Child("the app's host", run_dir / "host.log")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(_ROOT),
        "AzureWebJobsStorage": storage,
    }
    command = [sys.executable, "-m", "local.host", "--port", str(port), "--app", str(app)]
    await child.start(command, environment)
    try:
        await child.until_listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        await child.stop()
