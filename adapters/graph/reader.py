"""Reads a tenant's data sets, with the kind of token that its connection requires."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from itertools import batched
from typing import Any, Protocol, override
from urllib.parse import quote

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient, ReadBudget
from adapters.graph.failures import FAILURES, is_lost, unreadable
from adapters.graph.identity import primary_domain
from adapters.graph.records import (
    CHANGED_USERS,
    SMALL,
    USER_PROPERTIES,
    USERS,
    Kind,
    added_up,
    is_removed,
    read_records,
)
from adapters.identity import TokenSource
from domain.graph_permissions import READING_ROLES
from domain.msp import Msp
from domain.ports.graph_reader import (
    INTERNAL_FAULT,
    GraphReader,
    PositionLost,
    ReadCost,
    Reading,
    Records,
    TenantReader,
    Unreadable,
    UserPage,
)
from domain.sync_state import DataSet
from domain.tenant import Tenant

_log = logging.getLogger(__name__)

_SELECT = f"$select={','.join(USER_PROPERTIES)}"
# Request only changed properties: those missing from a delta are unchanged.
# https://learn.microsoft.com/graph/delta-query-overview
_MINIMAL = {"Prefer": "return=minimal"}
# https://learn.microsoft.com/graph/json-batching
_LARGEST_BATCH = 20
# Enough for 20 million users.
_MOST_PAGES = 20_000

# How long a sync waits for Graph in total before it is postponed.
_PATIENCE_SECONDS = 60.0


class GraphReaders(GraphReader):
    """GraphReader with app-only access to the partner tenant and delegated access to customers."""

    def __init__(
        self, tokens: TokenSource, graph: GraphClient, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._tokens, self._graph, self._patience = tokens, graph, patience_seconds

    @override
    def of(self, msp: Msp, tenant: Tenant) -> "GraphTenantReader":
        own, source = tenant.is_own_msp_tenant, self._tokens
        get = source.app_token if own else source.delegated_token
        token = partial(get, msp, tenant.tenant_id)
        return GraphTenantReader(self._graph, token, self._patience, delegated=not own)


class Token(Protocol):
    """Gets the tenant's token, from a cache unless a fresh one is requested."""

    async def __call__(self, *, fresh: bool) -> str:
        """Return an access token for Graph."""
        ...


class GraphTenantReader(TenantReader):
    """TenantReader that sends one request at a time to Graph.

    Args:
        patience_seconds: How long to wait for Graph in total.
        delegated: Whether the token belongs to a service account, which needs roles in the tenant.
    """

    def __init__(
        self, graph: GraphClient, token: Token, patience_seconds: float, *, delegated: bool
    ) -> None:
        self._graph, self._get_token, self._delegated = graph, token, delegated
        self._budget = ReadBudget(patience_seconds)
        self._logged: set[tuple[DataSet, str]] = set()

    @property
    @override
    def cost(self) -> ReadCost:
        return self._budget.cost

    @override
    async def small_data_sets(self) -> dict[DataSet, Reading]:
        paths = {str(name): path for name, (path, _) in SMALL.items()}
        try:
            parts = await self._batch(paths)
        except FAILURES as error:
            return {name: self._unreadable(name, error) for name in SMALL}
        return {name: await self._small(name, parts[name]) for name in SMALL}

    async def _small(self, name: DataSet, part: dict[str, Any] | GraphError) -> Reading:
        """Return the records in a part of a batch response."""
        path, kind = SMALL[name]
        try:
            return self._records(name, kind, await self._items(path, part))
        except FAILURES as error:
            return self._unreadable(name, error)
        except Exception:  # noqa: BLE001  a bug of ours; the other data sets are still read
            _log.exception("%s could not be read", name)
            return Unreadable(INTERNAL_FAULT)

    async def _items(self, path: str, part: dict[str, Any] | GraphError) -> list[Any]:
        """Return the items of all pages; a failed part and further pages are read separately."""
        if isinstance(part, GraphError):
            # If Graph no longer accepts the token, read with a fresh one without waiting.
            if part.status != HTTPStatus.UNAUTHORIZED:
                await self._budget.wait(part)
            documents = [page async for page in self._pages(path)]
        else:
            link = self._graph.link(part, "@odata.nextLink")
            documents = [part, *([page async for page in self._pages(link)] if link else [])]
        return [item for document in documents for item in _values(document)]

    def _records(self, name: DataSet, kind: Kind, items: Sequence[Any]) -> Records:
        """Return the records that can be read; log each reason for unreadable ones once."""
        read = read_records(kind, items)
        for why in {str(fault) for fault in read.faults}:
            if (name, why) not in self._logged:
                self._logged.add((name, why))
                _log.warning("records of %s cannot be read: %s", name, why)
        return Records(read.records, read.unreadable)

    @override
    async def primary_domain(self) -> str | None:
        try:
            document = await self._get("/organization?$select=id,verifiedDomains")
            found = _values(document)
        except FAILURES:
            return None
        is_one = len(found) == 1 and isinstance(found[0], dict)
        return primary_domain(found[0].get("verifiedDomains")) if is_one else None

    @override
    async def delta_link(self) -> str:
        path = f"/users/delta?$deltatoken=latest&{_SELECT}"
        link: str | None = None
        try:
            async for document in self._pages(path, _MINIMAL):
                link = self._graph.link(document, "@odata.deltaLink")
            if link is None:
                raise GraphError(0, "there is no delta link")
        except FAILURES as error:
            raise self._unreadable(DataSet.USERS, error) from None
        return link

    @override
    async def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        path = next_link or f"/users?$top=999&{_SELECT}"
        async for page in self._user_pages(path, self._page_of_users):
            yield page

    @override
    async def changes(self, link: str) -> AsyncIterator[UserPage]:
        async for page in self._user_pages(link, self._page_of_changes, _MINIMAL):
            yield page

    async def _user_pages(
        self,
        link: str,
        read: Callable[[dict[str, Any]], UserPage],
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[UserPage]:
        try:
            async for document in self._pages(link, headers):
                page = read(document)
                following = self._graph.link(document, "@odata.nextLink")
                delta_link = self._graph.link(document, "@odata.deltaLink")
                yield replace(page, next_link=following, delta_link=delta_link)
        except GraphError as error:
            if link.startswith("http") and is_lost(error):
                raise PositionLost from None
            raise self._unreadable(DataSet.USERS, error) from None
        except FAILURES as error:
            raise self._unreadable(DataSet.USERS, error) from None

    def _page_of_users(self, document: dict[str, Any]) -> UserPage:
        there = [item for item in _values(document) if not is_removed(item)]
        records = self._records(DataSet.USERS, USERS, there)
        return UserPage(records.records, unreadable=records.unreadable)

    def _page_of_changes(self, document: dict[str, Any]) -> UserPage:
        changes, removed = added_up(_values(document))
        records = self._records(DataSet.USERS, CHANGED_USERS, changes)
        return UserPage(records.records, removed, unreadable=records.unreadable)

    @override
    async def users_of(self, keys: Sequence[str]) -> UserPage:
        items: dict[str, Any] = {}
        try:
            for some in batched(keys, _LARGEST_BATCH, strict=False):
                parts = await self._batch({key: _user_path(key) for key in some})
                items |= {key: await self._user(key, part) for key, part in parts.items()}
        except FAILURES as error:
            raise self._unreadable(DataSet.USERS, error) from None
        refused = {key: item for key, item in items.items() if isinstance(item, GraphError)}
        removed = [key for key, item in items.items() if item is None]
        there = [items[key] for key in items if key not in refused and key not in removed]
        records = self._records(DataSet.USERS, USERS, there)
        for why in {str(refusal) for refusal in refused.values()}:
            _log.warning("a single user cannot be read: %s", why)
        return UserPage(records.records, removed, unreadable=[*records.unreadable, *refused])

    async def _user(
        self, key: str, part: dict[str, Any] | GraphError
    ) -> dict[str, Any] | GraphError | None:
        """Return a user, None if it no longer exists, or the error if Graph refuses only this one.

        A part that failed is read separately.

        Raises:
            GraphError: The error is temporary, or affects all users.
        """
        try:
            if not isinstance(part, GraphError):
                return part
            if part.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
                await self._budget.wait(part)
            return await self._get(_user_path(key))
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            if error.is_passing or error.is_denied or error.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return error

    def _unreadable(self, name: DataSet, error: Exception) -> Unreadable:
        """Return what a failure means for a data set, with advice if a role is missing."""
        failure = unreadable(name, error)
        if self._delegated and failure.missing_permission is not None:
            advice = f"give the service account's security group the role {READING_ROLES[name]}"
            return Unreadable(f"{failure.error}: {advice}", failure.missing_permission)
        return failure

    def _pages(
        self, path: str, headers: dict[str, str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        return self._graph.pages(path, lambda link: self._get(link, headers), most=_MOST_PAGES)

    async def _get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return await self._with_token(
            lambda token: self._graph.get(path, token, self._budget, headers)
        )

    async def _batch(self, paths: dict[str, str]) -> dict[str, dict[str, Any] | GraphError]:
        return await self._with_token(lambda token: self._graph.batch(paths, token, self._budget))

    async def _with_token[T](self, request: Callable[[str], Awaitable[T]]) -> T:
        """Send a request; if Graph no longer accepts the token, retry once with a fresh one."""
        try:
            return await request(await self._get_token(fresh=False))
        except GraphError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await request(await self._get_token(fresh=True))


def _user_path(key: str) -> str:
    return f"/users/{quote(key, safe='')}?{_SELECT}"


def _values(document: dict[str, Any]) -> list[Any]:
    values = document.get("value")
    if not isinstance(values, list):
        raise GraphError(0, "the answer is no collection")
    return values
