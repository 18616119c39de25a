"""The users of a tenant: all of them once, afterwards what changes.

https://learn.microsoft.com/graph/delta-query-users
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from domain.ports import PositionLost, TenantReader, Unreadable, UserPage
from domain.sync_state import DataSetState
from sync.rows import Rows
from sync.small_data_set import succeeded

type Write = Callable[[UserPage], Awaitable[None]]


async def sync_users(rows: Rows, reader: TenantReader) -> DataSetState:
    """Bring the stored users up to date; return the data set's state.

    Raises:
        Unreadable: The read did not come to its end; what was read is stored, and the lease's
            state tells where to go on.
        LeaseLost: Somebody else has the tenant now; nothing more is written.
    """
    before = rows.lease.state.data_set(rows.name)
    try:
        if before.delta_link and before.count is not None and not before.next_link:
            return await _read_changes(rows, reader, before.delta_link)
        return await _read_all(rows, reader, before)
    except PositionLost:
        # Start over. What is stored stays until a complete read no longer holds it.
        forgotten = replace(_state(rows), delta_link=None, next_link=None)
        await rows.lease.record(forgotten)
    try:
        return await _read_all(rows, reader, forgotten)
    except PositionLost:
        raise Unreadable("Microsoft Graph keeps losing the position") from None


async def _read_all(rows: Rows, reader: TenantReader, before: DataSetState) -> DataSetState:
    """Read every user, and then what changed meanwhile: a user may move between pages.

    A first read notes how far it came, so that it can go on there. Any other one starts over,
    since only a complete read tells what is gone; it writes only what differs.
    """
    await rows.look_up()
    is_first = before.next_link is not None or not rows.digests
    rows.seen = set(rows.digests) if is_first else set()
    link = (before.next_link and before.delta_link) or await reader.delta_link()

    async def write(page: UserPage) -> None:
        await rows.write(page.records)
        state = replace(_state(rows), count=len(rows.digests))
        if is_first and page.next_link:
            state = replace(state, delta_link=link, next_link=page.next_link)
        await rows.lease.note(state)

    await _write_behind(reader.users(before.next_link), write)

    async def catch_up(page: UserPage) -> None:
        nonlocal link
        await rows.write(page.records)
        rows.seen -= set(page.removed)
        link = page.delta_link or link

    await _write_behind(reader.changes(link), catch_up)
    await rows.delete(rows.digests.keys() - rows.seen)
    state = succeeded(rows, _state(rows), len(rows.digests))
    return replace(state, delta_link=link, next_link=None)


async def _read_changes(rows: Rows, reader: TenantReader, link: str) -> DataSetState:
    """Apply what changed. Each page's link is a position of its own: a replay does no harm."""

    async def write(page: UserPage) -> None:
        await rows.look_up([*(record.key for record in page.records), *page.removed])
        added = await rows.write(page.records) - await rows.delete(page.removed)
        before = _state(rows)
        position = page.delta_link or page.next_link or before.delta_link
        count = (before.count or 0) + added
        await rows.lease.note(replace(before, count=count, delta_link=position))

    await _write_behind(reader.changes(link), write)
    state = _state(rows)
    return succeeded(rows, state, state.count or 0)


async def _write_behind(pages: AsyncIterator[UserPage], write: Write) -> None:
    """Write each page while the next one is fetched; at most two are in memory."""
    writing: asyncio.Task[None] | None = None
    try:
        async for page in pages:
            if writing:
                await writing
            writing = asyncio.ensure_future(write(page))
    finally:
        # A read that breaks off keeps what it has read.
        if writing:
            await writing


def _state(rows: Rows) -> DataSetState:
    return rows.lease.state.data_set(rows.name)
