"""Reads a tenant's data sets, with the kind of token that its connection requires."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from itertools import batched
from typing import Any, override
from urllib.parse import quote

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.data_set_reader import DataSetReader
from adapters.graph.failures import FAILURES, is_lost, unreadable
from adapters.graph.identity import primary_domain
from adapters.graph.records import Kind, read_records
from adapters.graph.session import TenantSession, Token, values_of
from adapters.graph.user_records import (
    CHANGED_USERS,
    USER_PROPERTIES,
    USERS,
    added_up,
    is_removed,
)
from adapters.identity import TokenSource, roles_of, scopes_of
from domain.data_set import DataSet
from domain.msp import Msp
from domain.ports.graph_reader import (
    GraphReader,
    PositionLost,
    ReadCost,
    Reading,
    Records,
    TenantReader,
    UserPage,
    Wanted,
)
from domain.tenant import Tenant

_log = logging.getLogger(__name__)

_SELECT = f"$select={','.join(USER_PROPERTIES)}"
# Request only changed properties: those missing from a delta are unchanged.
# https://learn.microsoft.com/graph/delta-query-overview
_MINIMAL = {"Prefer": "return=minimal"}
# https://learn.microsoft.com/graph/json-batching
_LARGEST_BATCH = 20
# Conditional Access and identity protection accept a request a second for a tenant.
# https://learn.microsoft.com/graph/throttling-limits
_PACE_SECONDS = 1.0
# How long a sync waits for Graph in total before it is postponed.
_PATIENCE_SECONDS = 60.0


class GraphReaders(GraphReader):
    """GraphReader with app-only access to the partner tenant and delegated access to customers."""

    def __init__(
        self,
        tokens: TokenSource,
        graph: GraphClient,
        patience_seconds: float = _PATIENCE_SECONDS,
        pace_seconds: float = _PACE_SECONDS,
    ) -> None:
        self._tokens, self._graph = tokens, graph
        self._patience, self._pace = patience_seconds, pace_seconds

    @override
    def of(self, msp: Msp, tenant: Tenant) -> "GraphTenantReader":
        own, source = tenant.is_own_msp_tenant, self._tokens
        get = source.app_token if own else source.delegated_token
        token = partial(get, msp, tenant.tenant_id)
        return GraphTenantReader(self._graph, token, self._patience, self._pace, delegated=not own)


class GraphTenantReader(TenantReader):
    """TenantReader that sends one request at a time to Graph.

    Args:
        patience_seconds: How long to wait for Graph in total.
        delegated: Whether the token belongs to a service account, which needs roles in the tenant.
    """

    def __init__(
        self,
        graph: GraphClient,
        token: Token,
        patience_seconds: float,
        pace_seconds: float = _PACE_SECONDS,
        *,
        delegated: bool,
    ) -> None:
        self._session = TenantSession(graph, token, patience_seconds, pace_seconds)
        self._delegated = delegated
        self._logged: set[str] = set()

    @property
    @override
    def cost(self) -> ReadCost:
        return self._session.budget.cost

    @property
    @override
    def is_delegated(self) -> bool:
        return self._delegated

    @override
    async def permissions(self, *, fresh: bool) -> frozenset[str] | None:
        try:
            token = await self._session.token(fresh=fresh)
        except FAILURES:
            return None
        return scopes_of(token) if self._delegated else roles_of(token)

    @override
    def read(self, wanted: Sequence[Wanted]) -> AsyncIterator[tuple[DataSet, Reading]]:
        return DataSetReader(self._session).read(wanted)

    def _records(self, kind: Kind, items: Sequence[Any]) -> Records:
        """Return the users that can be read; log each reason for unreadable ones once."""
        read = read_records(kind, items)
        for why in {str(fault) for fault in read.faults} - self._logged:
            self._logged.add(why)
            _log.warning("users cannot be read: %s", why)
        return Records(read.records, read.unreadable)

    @override
    async def primary_domain(self) -> str | None:
        try:
            document = await self._session.get("/organization?$select=id,verifiedDomains")
            found = values_of(document)
        except FAILURES:
            return None
        is_one = len(found) == 1 and isinstance(found[0], dict)
        return primary_domain(found[0].get("verifiedDomains")) if is_one else None

    @override
    async def delta_link(self) -> str:
        path = f"/users/delta?$deltatoken=latest&{_SELECT}"
        link: str | None = None
        try:
            async for document in self._session.pages(path, _MINIMAL):
                link = self._session.graph.link(document, "@odata.deltaLink")
            if link is None:
                raise GraphError(0, "there is no delta link")
        except FAILURES as error:
            raise unreadable(error) from None
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
            async for document in self._session.pages(link, headers):
                page = read(document)
                following = self._session.graph.link(document, "@odata.nextLink")
                delta_link = self._session.graph.link(document, "@odata.deltaLink")
                yield replace(page, next_link=following, delta_link=delta_link)
        except GraphError as error:
            if link.startswith("http") and is_lost(error):
                raise PositionLost from None
            raise unreadable(error) from None
        except FAILURES as error:
            raise unreadable(error) from None

    def _page_of_users(self, document: dict[str, Any]) -> UserPage:
        there = [item for item in values_of(document) if not is_removed(item)]
        records = self._records(USERS, there)
        return UserPage(records.records, unreadable=records.unreadable)

    def _page_of_changes(self, document: dict[str, Any]) -> UserPage:
        changes, removed = added_up(values_of(document))
        records = self._records(CHANGED_USERS, changes)
        return UserPage(records.records, removed, unreadable=records.unreadable)

    @override
    async def users_of(self, keys: Sequence[str]) -> UserPage:
        items: dict[str, Any] = {}
        try:
            for some in batched(keys, _LARGEST_BATCH, strict=False):
                parts = await self._session.batch({key: _user_path(key) for key in some})
                items |= {key: await self._user(key, part) for key, part in parts.items()}
        except FAILURES as error:
            raise unreadable(error) from None
        refused = {key: item for key, item in items.items() if isinstance(item, GraphError)}
        removed = [key for key, item in items.items() if item is None]
        there = [items[key] for key in items if key not in refused and key not in removed]
        records = self._records(USERS, there)
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
                await self._session.budget.wait(part)
            return await self._session.get(_user_path(key))
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            if error.is_passing or error.is_denied or error.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return error


def _user_path(key: str) -> str:
    return f"/users/{quote(key, safe='')}?{_SELECT}"
