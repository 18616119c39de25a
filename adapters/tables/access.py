"""Access to a table: error translation, pages, and conditional writes."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineResponse
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables.limits import LimitExceeded, check_entity, check_key
from adapters.tables.transaction_body import read_code
from domain.errors import ConcurrentChange, MalformedInput, StorageUnavailable
from domain.ports.page import Page
from domain.row_changes import Versioned

_CONFLICTS = {404, 409, 412}
# https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
_NO_TABLE = ("TableNotFound", "TableBeingDeleted")
_BAD_REQUEST, _BUSY = 400, 500
_LARGEST_PAGE = 1000
_SEARCHED_BATCH, _MOST_SEARCHED = 500, 5000
_FROM_FIRST = " and RowKey ge @first"


@contextmanager
def translate_storage_errors() -> Iterator[None]:
    """Translate the SDK's errors into the domain's.

    Raises:
        ConcurrentChange: A conditional write failed: the row has another version, already exists,
            or does not exist.
        StorageUnavailable: After the SDK's own retries there is no answer, or the server is busy;
            or the table does not exist.
    """
    try:
        yield
    except (ServiceRequestError, ServiceResponseError, IncompleteReadError) as error:
        raise StorageUnavailable("Storage does not answer.") from error
    except HttpResponseError as error:
        status = error.status_code or 0
        check_table(_code(error))
        if status in _CONFLICTS:
            raise ConcurrentChange("A row has changed meanwhile.") from error
        if status >= _BUSY:
            raise StorageUnavailable("Storage is busy.") from error
        raise
    except AzureError as error:
        raise StorageUnavailable("Storage does not answer.") from error


def check_table(code: str) -> None:
    """Check an error's code, because a missing table is not the same as a missing row.

    Raises:
        StorageUnavailable: The table does not exist.
    """
    if code in _NO_TABLE:
        raise StorageUnavailable("A table is missing.")


def _code(error: HttpResponseError) -> str:
    """Return an error's code. The SDK reads it for some errors, but not for all."""
    response: Any = error.response
    known = getattr(error, "error_code", None)
    if known is None and response is not None:
        return read_code(response.content)
    return getattr(known, "value", known) or ""


async def find(
    table: TableClient, partition: str, row: str, select: list[str] | None = None
) -> TableEntity | None:
    """Return a row, or only its selected properties; None if there is no such row."""
    with translate_storage_errors():
        try:
            return await table.get_entity(partition, row, select=select)
        except ResourceNotFoundError as error:
            check_table(_code(error))
            return None


async def insert(table: TableClient, entity: Mapping[str, Any]) -> str:
    """Insert a row that must not exist yet; return its version."""
    check_entity(entity)
    with translate_storage_errors():
        return str((await table.create_entity(entity))["etag"])


async def replace(table: TableClient, entity: Mapping[str, Any], version: str) -> str:
    """Overwrite a row that must have the given version; return the new version."""
    check_entity(entity)
    with translate_storage_errors():
        written = await table.update_entity(
            entity,
            mode=UpdateMode.REPLACE,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
        )
        return str(written["etag"])


async def delete(table: TableClient, partition: str, row: str, version: str | None = None) -> None:
    """Delete a row, optionally only a given version; it is no error if it does not exist."""
    guard: dict[str, Any] = {}
    if version is not None:
        guard = {"etag": version, "match_condition": MatchConditions.IfNotModified}
    with translate_storage_errors():
        await table.delete_entity(partition, row, raw_response_hook=_check_answer, **guard)


def _check_answer(answer: PipelineResponse[HttpRequest, AsyncHttpResponse]) -> None:
    """Check a deletion's response before the SDK, which treats every 404 as a missing row."""
    if answer.http_response.status_code in _CONFLICTS:
        check_table(read_code(answer.http_response.content))


async def query(
    table: TableClient,
    condition: str,
    parameters: dict[str, Any],
    select: list[str] | None = None,
) -> AsyncIterator[TableEntity]:
    """Yield every row that satisfies the condition."""
    with translate_storage_errors():
        async for entity in table.query_entities(condition, parameters=parameters, select=select):
            yield entity


def version_of(entity: TableEntity) -> str:
    """Return the ETag with which a row was read."""
    return str(entity.metadata["etag"])


def as_utc(value: datetime | None) -> datetime | None:
    """Return a stored time as a plain, timezone-aware datetime in UTC."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromisoformat(aware.astimezone(UTC).isoformat())


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a table that satisfy a condition."""

    table: TableClient
    condition: str
    parameters: dict[str, Any]

    def pages(self, after: str | None, size: int) -> Any:
        """Start the query after a row.

        The start of the range moves there, so that no row is read again. A position before the
        range has no effect: no token can leave the list.
        """
        condition, parameters = self.condition, self.parameters
        if after is not None and after >= parameters.get("first", ""):
            parameters = {**parameters, "first": after}
            condition = condition.replace(_FROM_FIRST, "")
            condition += " and RowKey gt @first"
        found = self.table.query_entities(condition, parameters=parameters, results_per_page=size)
        return found.by_page()


async def page[T](
    listing: Listing,
    read: Callable[[TableEntity], T],
    page_size: int,
    token: str | None,
    keep: Callable[[T], bool] | None = None,
) -> Page[T]:
    """Return a page of rows. Tables may return short or empty pages: read until this one is full.

    Args:
        keep: Selects the rows to return, as for `MspStore.page`. They are read in large batches.

    Raises:
        MalformedInput: The token is not one from an earlier page.
    """
    after, seen, items = _checked(token), 0, list[T]()
    with translate_storage_errors():
        pages = listing.pages(after, _batch_size(page_size, is_search=keep is not None))
        async for batch in pages:
            async for entity in batch:
                if len(items) == page_size:
                    return Page(tuple(items), after)
                item, after, seen = read(entity), str(entity["RowKey"]), seen + 1
                if keep is None or keep(item):
                    items.append(item)
            if len(items) == page_size or seen >= _MOST_SEARCHED:
                break
    return Page(tuple(items), after if getattr(pages, "continuation_token", None) else None)


def _batch_size(page_size: int, *, is_search: bool) -> int:
    """Return how many rows to read in one operation."""
    return min(max(page_size, _SEARCHED_BATCH) if is_search else page_size, _LARGEST_PAGE)


def _checked(token: str | None) -> str | None:
    """Check a page token; return it as the key of the row after which the page begins."""
    if token is not None:
        try:
            check_key("pageToken", token)
        except LimitExceeded:
            raise MalformedInput("pageToken", "is not one that this list gave") from None
    return token


def versioned[T](
    entity: TableEntity | None, read: Callable[[TableEntity], T]
) -> Versioned[T] | None:
    """Return a row's value with its version, or None if there is no row."""
    return None if entity is None else Versioned(read(entity), version_of(entity))
