"""Access to a table: errors by their meaning, pages, and guarded writes."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableEntity, TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from adapters.tables.limits import check_entity
from domain.changes import Versioned
from domain.errors import ConcurrentChange, MalformedInput, StorageUnavailable
from domain.ports import Page

_CONFLICTS = {404, 409, 412}
_BUSY = 500
_LARGEST_PAGE = 1000


@contextmanager
def meaning() -> Iterator[None]:
    """Turn the SDK's errors into the domain's.

    A failed transaction raises TableTransactionError, which is an HttpResponseError of its own.

    Raises:
        ConcurrentChange: A guarded write met another version, a row that exists, or none.
        StorageUnavailable: No answer, or a busy server, after the SDK's own retries.
    """
    try:
        yield
    except (ServiceRequestError, ServiceResponseError) as error:
        raise StorageUnavailable("Storage does not answer.") from error
    except HttpResponseError as error:
        status = error.status_code or 0
        if status in _CONFLICTS or _is_conflict(error):
            raise ConcurrentChange("A row has changed meanwhile.") from error
        if status >= _BUSY:
            raise StorageUnavailable("Storage is busy.") from error
        raise
    except AzureError as error:
        raise StorageUnavailable("Storage does not answer.") from error


def _is_conflict(error: HttpResponseError) -> bool:
    """Tell a conflict inside a transaction, whose envelope was accepted with 202."""
    code = str(getattr(error, "error_code", ""))
    return isinstance(error, TableTransactionError) and code in {
        "EntityAlreadyExists",
        "UpdateConditionNotSatisfied",
        "ConditionNotMet",
        "ResourceNotFound",
        "EntityNotFound",
    }


async def find(
    table: TableClient, partition: str, row: str, select: list[str] | None = None
) -> TableEntity | None:
    """Return a row, or those of its properties that are selected, or None."""
    with meaning():
        try:
            return await table.get_entity(partition, row, select=select)
        except ResourceNotFoundError:
            return None


async def insert(table: TableClient, entity: Mapping[str, Any]) -> str:
    """Insert a row that must not exist; return its version."""
    check_entity(entity)
    with meaning():
        return str((await table.create_entity(entity))["etag"])


async def replace(table: TableClient, entity: Mapping[str, Any], version: str) -> str:
    """Overwrite a row that must be the version named; return the new one."""
    check_entity(entity)
    with meaning():
        written = await table.update_entity(
            entity,
            mode=UpdateMode.REPLACE,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
        )
        return str(written["etag"])


async def query(
    table: TableClient,
    condition: str,
    parameters: dict[str, Any],
    select: list[str] | None = None,
) -> AsyncIterator[TableEntity]:
    """Yield every row that meets the condition."""
    with meaning():
        async for entity in table.query_entities(condition, parameters=parameters, select=select):
            yield entity


def version_of(entity: TableEntity) -> str:
    """Return the ETag that a row was read with."""
    return str(entity.metadata["etag"])


def moment(value: datetime | None) -> datetime | None:
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
) -> Page[T]:
    """Return a page of rows. Tables may answer an empty page that goes on: read until it fills.

    Raises:
        MalformedInput: The token is of no page, or of another list.
    """
    scope = json.dumps(parameters, default=str, sort_keys=True)
    continuation = _read_token(token, scope)
    items: list[T] = []
    while len(items) < page_size:
        wanted = min(page_size - len(items), _LARGEST_PAGE)
        pages = table.query_entities(
            condition, parameters=parameters, results_per_page=wanted
        ).by_page(continuation_token=continuation)
        with meaning():
            async for batch in pages:
                items += [read(entity) async for entity in batch]
                break
        continuation = getattr(pages, "continuation_token", None)
        if not continuation:
            return Page(tuple(items))
    return Page(tuple(items), _write_token(continuation, scope))


def _write_token(continuation: Any, scope: str) -> str:
    text = json.dumps([continuation, scope])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str | None, scope: str) -> Any:
    """Return the SDK's own token. A token is bound to its list, so it opens no other one."""
    if token is None:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        continuation, of_list = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError):
        raise MalformedInput("pageToken", "is not one that a page gave") from None
    if of_list != scope or not isinstance(continuation, dict):
        raise MalformedInput("pageToken", "is not one that this list gave")
    return continuation


def versioned[T](
    entity: TableEntity | None, read: Callable[[TableEntity], T]
) -> Versioned[T] | None:
    """Return a row's value with its version, or None for no row."""
    return None if entity is None else Versioned(read(entity), version_of(entity))
