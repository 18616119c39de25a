"""Sweeps over many items: a few at a time, or page by page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from domain.ports.page import Page


async def for_each[T](
    items: Iterable[T],
    act: Callable[[T], Awaitable[object]],
    on_failure: Callable[[T, Exception], object],
    *,
    max_concurrent: int,
) -> list[T]:
    """Act on each item, a few at once; return those whose action failed.

    The failure of one item does not affect the others.

    Args:
        on_failure: Called at once with an item whose action failed, and its error.
    """
    room, failed = asyncio.Semaphore(max_concurrent), list[T]()

    async def take(item: T) -> None:
        try:
            await act(item)
        except Exception as error:  # noqa: BLE001  the caller decides what each failure means
            failed.append(item)
            on_failure(item, error)
        finally:
            room.release()

    async with asyncio.TaskGroup() as tasks:
        for item in items:
            await room.acquire()
            tasks.create_task(take(item))
    return failed


async def all_pages[T](fetch: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield the items of all pages of a list; only one page at a time is in memory.

    Args:
        fetch: Returns the page of a token, or the first page for None.
    """
    page = await fetch(None)
    while True:
        for item in page.items:
            yield item
        if page.next_token is None:
            return
        page = await fetch(page.next_token)
