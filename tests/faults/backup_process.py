"""An export or an import in a separate process, which a test may kill at any moment."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from tests.faults.forked import Fork

PAGE = 20


class BackupProcess(Fork):
    """Exports to a folder, or imports from it."""

    def __init__(self, environment: Mapping[str, str], folder: Path, *, outward: bool) -> None:
        super().__init__(environment, _run_in_child, folder, outward)


def _run_in_child(folder: Path, outward: bool) -> None:
    asyncio.run(_run(folder, outward))


async def _run(folder: Path, outward: bool) -> None:
    from adapters.clock import SystemClock  # noqa: PLC0415  the parent does not need them
    from adapters.tables.storage import Storage  # noqa: PLC0415
    from ops.backup.export import export  # noqa: PLC0415
    from ops.backup.folder import BackupFolder  # noqa: PLC0415
    from ops.backup.restore import restore  # noqa: PLC0415

    storage = Storage.connect(os.environ["STORAGE_CONNECTION_STRING"])
    backup, clock = BackupFolder(folder), SystemClock()
    try:
        await (export(storage, backup, clock, PAGE) if outward else restore(storage, backup, clock))
    finally:
        await storage.close()
