from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity

from adapters.tables.access import Listing, page
from domain.errors import MalformedInput, StorageUnavailable
from domain.ports.page import Page

CONDITION = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
BOUNDS = {"partition": "p", "first": "r:", "last": "r;"}


class Table:
    """Answers a query over numbered rows as Azure Tables does, and counts the rows read."""

    table_name = "rows"

    def __init__(self, rows: int, failure: Exception | None = None) -> None:
        self.rows = [f"r:{number:05d}" for number in range(rows)]
        self.failure = failure
        self.queries = self.batches = self.read = 0

    def query_entities(
        self, condition: str, *, parameters: dict[str, Any], results_per_page: int
    ) -> "Table":
        self.queries += 1
        first = parameters["first"]
        resumed = "RowKey gt @first" in condition
        assert resumed is not ("RowKey ge @first" in condition)
        self.size = results_per_page
        self.left = [row for row in self.rows if row > first]
        return self

    def by_page(self) -> "Table":
        return self

    def __aiter__(self) -> AsyncIterator[AsyncIterator[TableEntity]]:
        return self._batches()

    async def _batches(self) -> AsyncIterator[AsyncIterator[TableEntity]]:
        if self.failure:
            raise self.failure
        while True:
            batch, self.left = self.left[: self.size], self.left[self.size :]
            self.continuation_token = {"RowKey": "next"} if self.left else None
            self.batches += 1
            yield self._entities(batch)
            if not self.left:
                return

    async def _entities(self, batch: list[str]) -> AsyncIterator[TableEntity]:
        for row in batch:
            self.read += 1
            yield TableEntity(PartitionKey="p", RowKey=row)


def number(entity: TableEntity) -> int:
    return int(entity["RowKey"][2:])


async def read(
    table: Any, size: int, token: str | None = None, every: int | None = None
) -> Page[int]:
    keep = (lambda n: n % every == 0) if every else None
    return await page(Listing(table, CONDITION, BOUNDS), number, size, token, keep)


@pytest.mark.parametrize(("rows", "size"), [(0, 3), (1, 3), (3, 3), (4, 3), (10, 3), (2500, 1200)])
@pytest.mark.parametrize("every", [None, 1, 2, 7])
async def test_pages_give_each_row_once_in_order(rows: int, size: int, every: int | None) -> None:
    table, token = Table(rows), None
    seen: list[int] = []
    while True:
        found = await read(table, size, token, every)
        assert len(found.items) <= size
        seen += found.items
        token = found.next_token
        if token is None:
            break
    assert seen == list(range(0, rows, every or 1))


async def test_a_search_reads_in_large_batches_whatever_the_size_of_a_page() -> None:
    table = Table(120)
    found = await read(table, 1, every=119)
    assert (found.items, table.queries, table.batches) == ((0,), 1, 1)
    found = await read(table, 1, found.next_token, every=119)
    assert (found.items, table.queries, table.batches) == ((119,), 2, 2)


async def test_a_search_that_finds_nothing_ends_within_a_bound_and_goes_on_from_there() -> None:
    table, token, pages = Table(12_000), None, 0
    while True:
        before = table.read
        found = await read(table, 10, token, every=11_999)
        pages, token = pages + 1, found.next_token
        assert table.read - before <= 5_000
        if token is None:
            break
    assert (pages, found.items, table.read) == (3, (11_999,), 12_000)


@pytest.mark.parametrize("position", ["", "a/b", "a\u0000", "\ud800", "x" * 513])
async def test_a_position_that_no_key_could_be_is_malformed(position: str) -> None:
    if position:
        with pytest.raises(MalformedInput):
            await read(Table(9), 3, position)
    else:
        assert (await read(Table(9), 3, position)).items == (0, 1, 2)


async def test_a_position_before_the_range_is_its_start() -> None:
    assert (await read(Table(9), 3, "a")).items == (0, 1, 2)


async def test_what_storage_refuses_is_no_mistake_of_the_callers() -> None:
    position = (await read(Table(9), 3)).next_token
    refused = HttpResponseError("bad")
    refused.status_code = 400
    with pytest.raises(HttpResponseError):
        await read(Table(9, refused), 3, position)
    refused.status_code = 503
    with pytest.raises(StorageUnavailable):
        await read(Table(9, refused), 3, position)
