import asyncio

import pytest

from core.sweeps import all_pages, for_each
from domain.ports.page import Page


async def test_each_item_is_acted_on_and_the_failures_come_back_with_their_items() -> None:
    done: list[int] = []

    async def act(number: int) -> None:
        if number % 3 == 0:
            raise ValueError(str(number))
        done.append(number)

    reports: list[tuple[int, str]] = []

    def report(number: int, error: Exception) -> None:
        reports.append((number, str(error)))

    assert sorted(await for_each(range(7), act, report, max_concurrent=2)) == [0, 3, 6]
    assert sorted(done) == [1, 2, 4, 5]
    assert sorted(reports) == [(0, "0"), (3, "3"), (6, "6")]


async def test_a_failure_is_reported_before_the_others_are_done() -> None:
    reported, release = asyncio.Event(), asyncio.Event()

    async def act(number: int) -> None:
        if number == 0:
            raise ValueError
        await release.wait()

    def report(_number: int, _error: Exception) -> None:
        reported.set()

    sweep = asyncio.create_task(for_each(range(2), act, report, max_concurrent=2))
    await reported.wait()
    release.set()
    assert await sweep == [0]


async def test_no_more_run_at_once_than_there_is_room_for() -> None:
    running, most = 0, 0

    async def act(_number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    assert await for_each(range(20), act, print, max_concurrent=3) == []
    assert most == 3


async def test_a_cancelled_sweep_ends_and_leaves_nothing_running() -> None:
    started, ended = asyncio.Event(), list[int]()

    async def act(number: int) -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(number)

    sweep = asyncio.create_task(for_each(range(5), act, print, max_concurrent=2))
    await started.wait()
    await asyncio.sleep(0)
    sweep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep
    assert sorted(ended) == [0, 1]


async def test_all_pages_are_read_to_the_end_an_empty_one_in_between_too() -> None:
    pages = {None: Page((1, 2), "a"), "a": Page((), "b"), "b": Page((3,))}

    async def fetch(token: str | None) -> Page[int]:
        return pages[token]

    assert [item async for item in all_pages(fetch)] == [1, 2, 3]
