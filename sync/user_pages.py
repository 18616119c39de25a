"""Pages of users between Graph and storage; changes are completed to whole users."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from domain.digest import to_stored
from domain.ports.graph_reader import TenantReader, UserPage
from domain.ports.synced_records import StoredRecord, SyncedRecord
from domain.user_block import Entry
from sync.record_writer import RecordWriter
from sync.user_index import entries_of


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """A page with the rows and the index entries to write."""

    page: UserPage
    records: list[StoredRecord]
    index_entries: dict[str, Entry | None]

    @classmethod
    def of(cls, page: UserPage) -> "ReadyPage":
        """Prepare a page of whole users for writing."""
        return cls(page, [to_stored(record) for record in page.records], entries_of(page))


async def made_ready(pages: AsyncIterator[UserPage]) -> AsyncIterator[ReadyPage]:
    """Yield each page, prepared for writing."""
    async for page in pages:
        yield ReadyPage.of(page)


async def write_behind[T](
    pages: AsyncIterator[T], write: Callable[[T], Coroutine[Any, Any, None]]
) -> None:
    """Write each page while the next is fetched and prepared; at most two are in memory."""
    writing: asyncio.Task[None] | None = None
    try:
        async for page in pages:
            if writing:
                await writing
            writing = asyncio.create_task(write(page))
    finally:
        # An interrupted read keeps what it has read.
        if writing:
            await writing


async def completed(rows: RecordWriter, reader: TenantReader, page: UserPage) -> UserPage:
    """Return a page of changes as whole users: the stored properties, merged with the changes.

    A user that is not stored, or was removed and is back, is read separately.
    """
    changes = {record.key: record.document for record in page.records}
    held = await rows.read(changes.keys() - set(page.removed))
    merged = [SyncedRecord(key, {**held[key], **changes[key]}) for key in changes if key in held]
    unknown = [key for key in changes if key not in held]
    if not unknown:
        return replace(page, records=merged)
    found = await reader.users_of(unknown)
    there = {record.key for record in found.records}.union(found.unreadable)
    removed = {*page.removed, *found.removed} - there
    return replace(
        page,
        records=[*merged, *found.records],
        removed=sorted(removed),
        unreadable=[*page.unreadable, *found.unreadable],
    )
