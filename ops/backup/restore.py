"""The import of a backup into an empty store; it continues when it is repeated.

Every write can be repeated, and a progress row in the store records which rows are certainly
written: the result is the same wherever and however often the import was interrupted.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import batched, islice

from adapters.tables import access
from adapters.tables.raw_rows import RawRows, transactions
from adapters.tables.storage import Storage
from domain.identifiers import MspId
from domain.ports.clock import Clock
from domain.sync_request import first_sync
from domain.sync_state import ScheduledSync, SyncState
from domain.tenant import Tenant
from ops.backup.export import TABLES
from ops.backup.folder import BackupFolder, Progress

MARKS = "restores"
_KEY = "restore"
_MAX_CONCURRENT = 8
_PAGE = 500
_COMPARED = "compared"


class StoreNotEmpty(Exception):
    """The store is in use, or holds another import."""


class RestoreDiffers(Exception):
    """The store does not match the backup: something else writes to it."""


@dataclass(slots=True)
class _Mark:
    """The import's own row in the store.

    Args:
        backup: Digest of the manifest.
        step: The table that is being written; the tables before it are complete.
        rows: How many of its rows are written.
    """

    backup: str
    step: str = TABLES[0]
    rows: int = 0
    finished_at: datetime | None = None


async def restore(storage: Storage, folder: BackupFolder, clock: Clock) -> Progress:
    """Write a backup's rows into the store, and compare them one by one; return its manifest.

    Raises:
        MalformedInput: It is no complete backup, or is damaged; nothing was written.
        StoreNotEmpty: The store is in use; nothing was written.
        RestoreDiffers: The app, or something else, writes to the store.
        StorageUnavailable: Storage does not respond; the next run continues.
    """
    digest, manifest = await asyncio.to_thread(folder.check)
    await storage.create_tables(MARKS)
    mark = await _begin(storage, digest)
    if mark.step != _COMPARED:
        for name in TABLES[TABLES.index(mark.step) :]:
            await _write(storage, folder, mark, name)
        for name in TABLES:
            await _compare(storage, folder, name)
        mark.step = _COMPARED
        await _keep(storage, mark)
    await _schedule_syncs(storage)
    mark.finished_at = clock.now()
    await _keep(storage, mark)
    return manifest


async def _begin(storage: Storage, backup: str) -> _Mark:
    """Return the progress row of this backup's import, interrupted or new.

    Raises:
        StoreNotEmpty: The store is in use.
    """
    found = await access.find(storage.table(MARKS), _KEY, _KEY)
    if found is not None:
        if found["backup"] != backup or "finished_at" in found:
            raise StoreNotEmpty("The store holds an import already: take an empty one.")
        return _Mark(backup, found["step"], found["rows"])
    for name in TABLES:
        if not await RawRows(storage.table(name)).is_empty():
            raise StoreNotEmpty(f"The store is in use: {name} has rows. Take an empty one.")
    mark = _Mark(backup)
    await _keep(storage, mark)
    return mark


async def _keep(storage: Storage, mark: _Mark) -> None:
    facts = {name: value for name, value in asdict(mark).items() if value is not None}
    with access.translate_storage_errors():
        await storage.table(MARKS).upsert_entity({"PartitionKey": _KEY, "RowKey": _KEY, **facts})


async def _write(storage: Storage, folder: BackupFolder, mark: _Mark, name: str) -> None:
    """Write a table's remaining rows, a few transactions at a time."""
    if mark.step != name:
        mark.step, mark.rows = name, 0
    rows = RawRows(storage.table(name))
    left = islice(folder.lines(name), mark.rows, None)
    for group in batched(transactions(left), _MAX_CONCURRENT, strict=False):
        await asyncio.gather(*(rows.put(entities) for entities in group))
        mark.rows += sum(map(len, group))
        await _keep(storage, mark)


async def _compare(storage: Storage, folder: BackupFolder, name: str) -> None:
    """Compare a table with its file, row by row; both are in the order of their keys.

    Raises:
        RestoreDiffers: A row differs, is missing, or is not in the file.
    """
    lines = folder.lines(name)
    async for page in RawRows(storage.table(name)).pages():
        if page.lines != list(islice(lines, len(page.lines))):
            raise RestoreDiffers(f"{name} is not as in the backup: is the app stopped?")
    if next(lines, None) is not None:
        raise RestoreDiffers(f"{name} lacks rows of the backup: is the app stopped?")


async def _schedule_syncs(storage: Storage) -> None:
    """Add each tenant's entry to the sync schedule, at the position that its state names.

    In a backup of a running app the two may differ, because they are in two tables. A tenant
    without an entry would never be synced again.
    """
    async for msp_id in storage.msps.msp_ids():
        states = await storage.sync_states.of_msp(msp_id)
        async for tenant in _tenants(storage, msp_id):
            await storage.sync_schedule.add(_entry(tenant, states.get(tenant.ref)))


def _entry(tenant: Tenant, state: SyncState | None) -> ScheduledSync:
    if state is None or state.due_at is None:
        return first_sync(tenant)
    return ScheduledSync(tenant.ref, state.due_at)


async def _tenants(storage: Storage, msp_id: MspId) -> AsyncIterator[Tenant]:
    token: str | None = None
    while True:
        page = await storage.msps.page(Tenant, msp_id, _PAGE, token)
        for known in page.items:
            yield known.value
        token = page.next_token
        if token is None:
            return
