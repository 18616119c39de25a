"""The export of all tables, page by page; an interrupted export continues when it is repeated.

docs/decisions/0025 explains what a backup of a running app holds, and the order of the tables.
"""

import hashlib
from dataclasses import replace

from adapters.tables.raw_rows import RawRows
from adapters.tables.storage import Storage
from domain.errors import StorageUnavailable
from domain.ports.clock import Clock
from ops.backup.folder import BackupFolder, Contents, Progress

# Decisions before the rows that refer to them or carry them out, a sync's position before the rows
# that it leads to, and rows before their index.
TABLES = (
    *("msps", "mspIndex", "pendingWork", "staff", "consentStates", "syncState", "syncSchedule"),
    *("tenantData", "users", "userIndex", "wholeReads"),
)
_PAGE = 1000
_ATTEMPTS = 5


async def export(
    storage: Storage, folder: BackupFolder, clock: Clock, page_rows: int = _PAGE
) -> Progress:
    """Write every table to the folder; return the manifest.

    Raises:
        MalformedInput: The folder holds something else.
        StorageUnavailable: Storage does not respond, or an MSP's rows kept changing. What was
            written stays, and the next run continues there.
    """
    progress = folder.begin(clock.now().isoformat())
    for name in TABLES:
        table = _Table(RawRows(storage.table(name), page_rows), folder, progress, name)
        if table.contents.sha256 is None:
            await (table.export_at_rest() if name == "msps" else table.export())
            folder.complete(name, table.contents)
            folder.keep(progress)
    progress.finished_at = clock.now().isoformat()
    folder.finish(progress)
    return progress


class _Table:
    """The export of one table to its file."""

    def __init__(self, rows: RawRows, folder: BackupFolder, progress: Progress, name: str) -> None:
        self._rows, self._folder, self._progress, self._name = rows, folder, progress, name
        self.contents = progress.tables.setdefault(name, Contents())

    async def export(self) -> None:
        """Write page by page; each page is consistent as of one moment.

        The last page has no next position, and an empty position would mean the start of the
        table: the page is recorded with the completed table, or written again.
        """
        async for page in self._rows.pages(self.contents.position):
            self._append(page.lines)
            if page.position is not None:
                self._keep(page.position)
        self._append([])  # An empty table has a file too.

    async def export_at_rest(self) -> None:
        """Write partition by partition; each partition is consistent as of one moment."""
        self._append([])
        while (key := await self._rows.partition_after(self.contents.position or "")) is not None:
            await self._export_partition(key)
            self._keep(key)

    async def _export_partition(self, key: str) -> None:
        """Write a partition; repeat until nothing has changed since it was read.

        Each write gives a row a version that it never had before. If all keys and versions are
        unchanged, there was no change between the end of one read and the start of the next.
        """
        for _ in range(_ATTEMPTS):
            before, seen, now = replace(self.contents), hashlib.sha256(), hashlib.sha256()
            async for page in self._rows.partition(key):
                self._append(page.lines)
                seen.update("".join(page.versions).encode())
            async for version in self._rows.versions(key):
                now.update(version.encode())
            if now.digest() == seen.digest():
                return
            self.contents.rows, self.contents.size = before.rows, before.size
        raise StorageUnavailable(f"The MSP {key} changes all the time. Export it again later.")

    def _append(self, lines: list[str]) -> None:
        self._folder.append(self._name, self.contents, lines)

    def _keep(self, position: object) -> None:
        self.contents.position = position
        self._folder.keep(self._progress)
