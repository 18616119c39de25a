"""Access to a table: errors by their meaning, pages, and guarded writes."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
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
    """Turn the SDK's errors into the domain's.

    Raises:
        ConcurrentChange: A guarded write met another version, a row that exists, or none.
        StorageUnavailable: No answer, or a busy server, after the SDK's own retries; or there is
            no such table.
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
    """Look at an error's code, since a table that is missing is no missing row.

    Raises:
        StorageUnavailable: There is no such table.
    """
    if code in _NO_TABLE:
        raise StorageUnavailable("A table is missing.")


def _code(error: HttpResponseError) -> str:
    """Return an error's code. Of some errors the SDK reads it, of some it does not."""
    response: Any = error.response
    known = getattr(error, "error_code", None)
    if known is None and response is not None:
        return read_code(response.content)
    return getattr(known, "value", known) or ""


async def find(
    table: TableClient, partition: str, row: str, select: list[str] | None = None
) -> TableEntity | None:
    """Return a row, or those of its properties that are selected, or None."""
    with translate_storage_errors():
        try:
            return await table.get_entity(partition, row, select=select)
        except ResourceNotFoundError as error:
            check_table(_code(error))
            return None


async def insert(table: TableClient, entity: Mapping[str, Any]) -> str:
    """Insert a row that must not exist; return its version."""
    check_entity(entity)
    with translate_storage_errors():
        return str((await table.create_entity(entity))["etag"])


async def replace(table: TableClient, entity: Mapping[str, Any], version: str) -> str:
    """Overwrite a row that must be the version named; return the new one."""
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
    """Delete a row, of a version if one is named; one that is gone is no error."""
    guard: dict[str, Any] = {}
    if version is not None:
        guard = {"etag": version, "match_condition": MatchConditions.IfNotModified}
    with translate_storage_errors():
        await table.delete_entity(partition, row, raw_response_hook=_check_answer, **guard)


def _check_answer(answer: PipelineResponse[HttpRequest, AsyncHttpResponse]) -> None:
    """Look at a deletion's answer before the SDK, which takes every 404 for a row that is gone."""
    if answer.http_response.status_code in _CONFLICTS:
        check_table(read_code(answer.http_response.content))


async def query(
    table: TableClient,
    condition: str,
    parameters: dict[str, Any],
    select: list[str] | None = None,
) -> AsyncIterator[TableEntity]:
    """Yield every row that meets the condition."""
    with translate_storage_errors():
        async for entity in table.query_entities(condition, parameters=parameters, select=select):
            yield entity


def version_of(entity: TableEntity) -> str:
    """Return the ETag that a row was read with."""
    return str(entity.metadata["etag"])


def as_utc(value: datetime | None) -> datetime | None:
    """Return a stored time as a plain aware one."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromisoformat(aware.astimezone(UTC).isoformat())


async def page[T](  # noqa: PLR0913  where, what, how much, from where
    table: TableClient,
    condition: str,
    parameters: dict[str, Any],
    read: Callable[[TableEntity], T],
    page_size: int,
    token: str | None,
    keep: Callable[[T], bool] | None = None,
) -> Page[T]:
    """Return a page of rows. Tables may answer an empty page that goes on: read until it fills.

    Args:
        keep: Which rows belong to the list. They are looked for in large batches, and in so many
            rows at most: a page may be short, or empty, and have a next one.

    Raises:
        MalformedInput: The token is none that a page gave.
    """
    after = _checked(token)
    size = page_size if keep is None else max(page_size, _SEARCHED_BATCH)
    items: list[T] = []
    seen = 0
    with translate_storage_errors():
        pages = _pages_after(table, condition, parameters, after, min(size, _LARGEST_PAGE))
        async for batch in pages:
            async for entity in batch:
                if len(items) == page_size:
                    return Page(tuple(items), after)
                item, after, seen = read(entity), str(entity["RowKey"]), seen + 1
                if keep is None or keep(item):
                    items.append(item)
            if len(items) == page_size or seen >= _MOST_SEARCHED:
                break
        goes_on = bool(getattr(pages, "continuation_token", None))
    return Page(tuple(items), after if goes_on else None)


def _pages_after(
    table: TableClient, condition: str, parameters: dict[str, Any], after: str | None, size: int
) -> Any:
    """Start a query after a row; the start of a range moves there, so that none is read again.

    A position before the range moves nothing: no token leads out of a list.
    """
    if after is not None and after >= parameters.get("first", ""):
        parameters = {**parameters, "first": after}
        condition = condition.replace(_FROM_FIRST, "")
        condition += " and RowKey gt @first"
    found = table.query_entities(condition, parameters=parameters, results_per_page=size)
    return found.by_page()


def _checked(token: str | None) -> str | None:
    """Return the key of the row after which a page begins."""
    if token is not None:
        try:
            check_key("pageToken", token)
        except LimitExceeded:
            raise MalformedInput("pageToken", "is not one that this list gave") from None
    return token


def versioned[T](
    entity: TableEntity | None, read: Callable[[TableEntity], T]
) -> Versioned[T] | None:
    """Return a row's value with its version, or None for no row."""
    return None if entity is None else Versioned(read(entity), version_of(entity))
