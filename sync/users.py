"""The users of a tenant: all of them once, afterwards what changes.

https://learn.microsoft.com/graph/delta-query-users
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from domain.digest import stored
from domain.ports import Count, PositionLost, StoredRecord, TenantReader, Unreadable, UserPage
from domain.sync_state import DataSetState
from domain.user_block import FORM, Entry
from sync.rows import Rows
from sync.small_data_set import succeeded
from sync.user_index import IndexedUsers, told_by


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """A page with what is written of it: the rows, and what it tells the index."""

    page: UserPage
    records: list[StoredRecord]
    told: dict[str, Entry | None]


type Write = Callable[[ReadyPage], Awaitable[None]]


async def sync_users(indexed: IndexedUsers, reader: TenantReader) -> DataSetState:
    """Bring the stored users and their index up to date; return the data set's state.

    Raises:
        Unreadable: The read did not come to its end; what was read is stored, and the lease's
            state tells where to go on.
        LeaseLost: Somebody else has the tenant now; nothing more is written.
    """
    rows = indexed.rows
    before = _state(rows)
    try:
        if before.delta_link and before.count is not None and not before.next_link:
            return await _read_changes(indexed, reader, before.delta_link)
        return await _read_all(indexed, reader, before)
    except PositionLost:
        # Start over. What is stored stays until a complete read no longer holds it.
        forgotten = replace(_state(rows), delta_link=None, next_link=None)
        await rows.lease.record(forgotten)
    try:
        return await _read_all(indexed, reader, forgotten)
    except PositionLost:
        raise Unreadable("Microsoft Graph keeps losing the position") from None


async def _read_all(
    indexed: IndexedUsers, reader: TenantReader, before: DataSetState
) -> DataSetState:
    """Read every user, and then what changed meanwhile: a user may move between pages.

    A first read notes how far it came, so that it can go on there. Any other one starts over,
    since only a complete read tells what is gone; it writes only what differs.
    """
    rows = indexed.rows
    await rows.look_up()
    is_first = before.next_link is not None or not rows.digests
    rows.seen = set(rows.digests) if is_first else set()
    link = (before.next_link and before.delta_link) or await reader.delta_link()

    async def write(ready: ReadyPage) -> None:
        await rows.write(ready.records)
        indexed.note(ready.told)
        state = replace(_state(rows), count=len(rows.digests))
        if is_first and ready.page.next_link:
            state = replace(state, delta_link=link, next_link=ready.page.next_link)
        await rows.lease.note(state)

    await _write_behind(reader.users(before.next_link), write)

    async def catch_up(ready: ReadyPage) -> None:
        nonlocal link
        await rows.write(ready.records)
        indexed.note(ready.told)
        rows.seen -= set(ready.page.removed)
        link = ready.page.delta_link or link
        await rows.lease.note(_state(rows))  # However much there is to read, the lease holds.

    await _write_behind(reader.changes(link), catch_up)
    await rows.delete(rows.digests.keys() - rows.seen)
    state = _indexed(rows, await indexed.build(rows.digests.keys()))
    return succeeded(rows, replace(state, delta_link=link, next_link=None), len(rows.digests))


async def _read_changes(indexed: IndexedUsers, reader: TenantReader, link: str) -> DataSetState:
    """Apply what changed. Each page's link is a position of its own: a replay does no harm."""
    rows, position = indexed.rows, link

    async def write(ready: ReadyPage) -> None:
        nonlocal position
        page = ready.page
        await rows.look_up(ready.told)
        await rows.write(ready.records)
        await rows.delete(page.removed)
        indexed.note(ready.told)
        position = page.delta_link or page.next_link or position
        if indexed.has_told_much:
            await settle()
        await rows.lease.note(_state(rows))  # However much there is to read, the lease holds.

    async def settle() -> None:
        # The position moves on once the index holds what was told up to there, and not before:
        # whoever goes on after a crash is told it again.
        state = _state(rows)
        if state.indexed != FORM:
            state = _indexed(rows, await indexed.build())
        elif indexed.told:
            state = _indexed(rows, await indexed.apply())
        await rows.lease.note(replace(state, delta_link=position))

    try:
        await _write_behind(reader.changes(link), write)
    except Unreadable:
        await settle()
        raise
    await settle()
    state = _state(rows)
    return succeeded(rows, state, state.count or 0)


def _indexed(rows: Rows, count: Count) -> DataSetState:
    """Return the state with what the index holds: counted whole, so that no crash skews it."""
    roll_up = rows.lease.state.roll_up
    rows.lease.sum_up(replace(roll_up, users=count.users, enabled_users=count.enabled))
    return replace(_state(rows), count=count.users, indexed=FORM)


async def _write_behind(pages: AsyncIterator[UserPage], write: Write) -> None:
    """Write each page while the next is fetched and made ready; at most two are in memory."""
    writing: asyncio.Task[None] | None = None
    try:
        async for page in pages:
            ready = ReadyPage(page, [stored(record) for record in page.records], told_by(page))
            if writing:
                await writing
            writing = asyncio.ensure_future(write(ready))
    finally:
        # A read that breaks off keeps what it has read.
        if writing:
            await writing


def _state(rows: Rows) -> DataSetState:
    return rows.lease.state.data_set(rows.name)
