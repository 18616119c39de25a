"""Reading a tenant's data sets, with the token that its connection takes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from adapters.graph.client import GraphClient, GraphError, ReadBudget
from adapters.graph.identity import primary_domain
from adapters.graph.sku_names import product_name
from adapters.identity import DelegatedAccessRefused, TokenSource
from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable
from domain.msp import Msp
from domain.permissions import READ, READING_ROLES
from domain.ports import PositionLost, ReadCost, Reading, SyncedRecord, Unreadable, UserPage
from domain.sync_state import DataSet
from domain.tenant import Tenant

_USER = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,"
    "assignedLicenses,jobTitle,department,usageLocation,onPremisesSyncEnabled"
)
_USER_FIELDS = tuple(_USER.split(","))
_LICENCE = ("skuId", "skuPartNumber", "capabilityStatus", "consumedUnits")
_UNITS = ("enabled", "suspended", "warning", "lockedOut")
_SCORE = (
    "id",
    "createdDateTime",
    "currentScore",
    "maxScore",
    "enabledServices",
    "licensedUserCount",
    "averageComparativeScores",
)
# A caller that loops through pages must end, whatever the server says.
_MOST_PAGES = 20_000
_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)


type _Record = Callable[[dict[str, Any]], SyncedRecord]

# For how long a sync waits for Graph before it is put off.
_PATIENCE_SECONDS = 60.0
# Throttled without a word for how long.
_LATER_SECONDS = 30.0
_GONE = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


class GraphReaders:
    """GraphReader over Graph: app-only for the partner tenant, delegated for customers."""

    def __init__(
        self, tokens: TokenSource, graph: GraphClient, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._tokens, self._graph, self._patience = tokens, graph, patience_seconds

    def of(self, msp: Msp, tenant: Tenant) -> "GraphTenantReader":
        """Return the reader of one tenant."""
        delegated = not tenant.is_own_msp_tenant
        token = self._token(msp, tenant)
        return GraphTenantReader(self._graph, token, self._patience, delegated=delegated)

    def _token(self, msp: Msp, tenant: Tenant) -> "Token":
        async def token(*, fresh: bool) -> str:
            get = (
                self._tokens.app_token if tenant.is_own_msp_tenant else self._tokens.delegated_token
            )
            return await get(msp, tenant.tenant_id, fresh=fresh)

        return token


class Token(Protocol):
    """Gets the tenant's token, from a cache unless a fresh one is wanted."""

    async def __call__(self, *, fresh: bool) -> str:
        """Return an access token for Graph."""
        ...


class GraphTenantReader:
    """TenantReader over Graph: one request at a time.

    Args:
        patience_seconds: How long it waits for Graph in all.
        delegated: Whether the token is a service account's, which needs roles in the tenant.
    """

    def __init__(
        self, graph: GraphClient, token: Token, patience_seconds: float, *, delegated: bool
    ) -> None:
        self._graph, self._get_token, self._delegated = graph, token, delegated
        self._budget = ReadBudget(patience_seconds)

    @property
    def cost(self) -> ReadCost:
        """What this reader has asked and waited so far."""
        return self._budget.cost

    async def small_data_sets(self) -> dict[DataSet, Reading]:
        """Read licences, scores and policies in one batch."""
        paths = {str(name): path for name, (path, _) in _SMALL.items()}
        try:
            parts = await self._with_token(
                lambda token: self._graph.batch(paths, token, self._budget)
            )
        except _FAILURES as error:
            return {name: self._unreadable(name, error) for name in _SMALL}
        return {name: await self._small(name, parts[name]) for name in _SMALL}

    async def _small(self, name: DataSet, part: dict[str, Any] | GraphError) -> Reading:
        """Return a part's records; a part that failed or goes on is read by itself."""
        path, record = _SMALL[name]
        try:
            if isinstance(part, GraphError):
                # One whose token is no longer taken is read with a fresh one, without a wait.
                if part.status != HTTPStatus.UNAUTHORIZED:
                    await self._budget.wait(part)
                documents = [page async for page in self._pages(path)]
            else:
                link = self._graph.link(part, "@odata.nextLink")
                documents = [part, *([page async for page in self._pages(link)] if link else [])]
            return [record(item) for document in documents for item in _values(document)]
        except _FAILURES as error:
            return self._unreadable(name, error)

    async def primary_domain(self) -> str | None:
        """Read the organisation's default domain; None when it cannot be read."""
        try:
            document = await self._get("/organization?$select=id,verifiedDomains")
            return primary_domain(_values(document)[0].get("verifiedDomains"))
        except (*_FAILURES, IndexError):
            return None

    async def delta_link(self) -> str:
        """Ask Graph for the changes from now on: an empty page with a link."""
        path = f"/users/delta?$deltatoken=latest&$select={_USER}"
        try:
            document = await self._get(path)
            link = self._graph.link(document, "@odata.deltaLink")
            if link is None:
                raise GraphError(0, "there is no delta link")
        except _FAILURES as error:
            raise self._unreadable(DataSet.USERS, error) from None
        return link

    async def users(self, next_link: str | None = None) -> AsyncIterator[UserPage]:
        """Read every user, 999 a page."""
        async for page in self._user_pages(next_link or f"/users?$top=999&$select={_USER}"):
            yield page

    async def changes(self, link: str) -> AsyncIterator[UserPage]:
        """Read the users that changed since."""
        async for page in self._user_pages(link):
            yield page

    async def _user_pages(self, link: str) -> AsyncIterator[UserPage]:
        try:
            async for document in self._pages(link):
                yield self._user_page(document)
        except GraphError as error:
            if link.startswith("http") and _is_lost(error):
                raise PositionLost from None
            raise self._unreadable(DataSet.USERS, error) from None
        except _FAILURES as error:
            raise self._unreadable(DataSet.USERS, error) from None

    def _user_page(self, document: dict[str, Any]) -> UserPage:
        # Graph may tell of a user several times in a page: the last one counts.
        latest = {str(item["id"]): item for item in _values(document)}
        return UserPage(
            [_user(item) for item in latest.values() if "@removed" not in item],
            [key for key, item in latest.items() if "@removed" in item],
            self._graph.link(document, "@odata.nextLink"),
            self._graph.link(document, "@odata.deltaLink"),
        )

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        link: str | None = path
        seen: set[str] = set()
        while link:
            if link in seen or len(seen) >= _MOST_PAGES:
                raise GraphError(0, "a page links back to an earlier one")
            seen.add(link)
            document = await self._get(link)
            yield document
            link = self._graph.link(document, "@odata.nextLink")

    def _unreadable(self, name: DataSet, error: Exception) -> Unreadable:
        """Return what a failure means for a data set, and what to do about a missing role."""
        failure = _unreadable(name, error)
        if self._delegated and failure.missing_permission is not None:
            advice = f"give the service account's security group the role {READING_ROLES[name]}"
            return Unreadable(f"{failure.error}: {advice}", failure.missing_permission)
        return failure

    async def _get(self, path: str) -> dict[str, Any]:
        return await self._with_token(lambda token: self._graph.get(path, token, self._budget))

    async def _with_token[T](self, request: Callable[[str], Awaitable[T]]) -> T:
        """Make a request; a token that Graph no longer takes is replaced once."""
        try:
            return await request(await self._get_token(fresh=False))
        except GraphError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await request(await self._get_token(fresh=True))


# What a read may end with: Graph's refusal, Entra's, and documents of another shape.
_FAILURES = (
    GraphError,
    ConsentRequired,
    DelegatedAccessRefused,
    MicrosoftRefused,
    MicrosoftUnavailable,
    *(KeyError, TypeError, ValueError, AttributeError),
)


def _unreadable(name: DataSet, error: Exception) -> Unreadable:
    match error:
        case GraphError(is_denied=True) | ConsentRequired():
            return Unreadable(str(error), READ[name])
        case GraphError(status=HTTPStatus.TOO_MANY_REQUESTS):
            wait = error.retry_after if error.retry_after is not None else _LATER_SECONDS
            return Unreadable(str(error), retry_after=wait)
        case GraphError():
            return Unreadable(str(error), retry_after=error.retry_after)
        case DelegatedAccessRefused() | MicrosoftRefused() | MicrosoftUnavailable():
            return Unreadable(str(error))
        case _:
            return Unreadable("Microsoft Graph sent a record without its key")


def _is_lost(error: GraphError) -> bool:
    return error.status in _GONE or error.code in {"syncStateNotFound", "resyncRequired"}


def _values(document: dict[str, Any]) -> list[dict[str, Any]]:
    values = document.get("value")
    if not isinstance(values, list):
        raise GraphError(0, "the answer is no collection")
    return values


def _user(item: dict[str, Any]) -> SyncedRecord:
    document = {name: item.get(name) for name in _USER_FIELDS}
    licences = item.get("assignedLicenses") or []
    document["assignedLicenses"] = [{"skuId": licence["skuId"]} for licence in licences]
    return SyncedRecord(item["id"], document)


def _licence(item: dict[str, Any]) -> SyncedRecord:
    document = {name: item.get(name) for name in _LICENCE}
    units = item.get("prepaidUnits") or {}
    document["prepaidUnits"] = {name: units.get(name) for name in _UNITS}
    document["productName"] = product_name(item["skuPartNumber"])
    return SyncedRecord(item["skuId"], document)


def _score(item: dict[str, Any]) -> SyncedRecord:
    """Key a score by its day, counted down: newest first, one a day."""
    day = datetime.fromisoformat(item["createdDateTime"]).astimezone(UTC)
    key = f"{(_LAST_DAY - day).days:07d}:{day.date().isoformat()}"
    return SyncedRecord(key, {name: item.get(name) for name in _SCORE})


def _policy(item: dict[str, Any]) -> SyncedRecord:
    return SyncedRecord(item["id"], item)


_SMALL: dict[DataSet, tuple[str, _Record]] = {
    DataSet.LICENCES: ("/subscribedSkus", _licence),
    DataSet.SECURE_SCORE: ("/security/secureScores?$top=90", _score),
    DataSet.CONDITIONAL_ACCESS: ("/identity/conditionalAccess/policies", _policy),
}
