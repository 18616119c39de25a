"""Graph's users: lists, delta, single users, and changes of their properties."""

from typing import Any

from local.microsoft.answers import (
    GraphAnswer,
    GraphRequest,
    Refused,
    error_answer,
    link,
    opaque,
    page_size,
)
from local.microsoft.callers import Caller
from local.microsoft.filters import parsed
from local.microsoft.options import next_link
from local.microsoft.resources import Access, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import REPORTS
from local.microsoft.user_changes import change
from local.microsoft.user_properties import check_selection, selected

_DEFAULT_PAGE, _LARGEST, _WITH_ACTIVITY = 100, 999, 500
READ = Access(
    words("User.Read.All|User.ReadWrite.All|Directory.Read.All"),
    words("Global Reader|User Administrator|License Administrator|Directory Readers"),
)
_ACTIVITY = Access(READ.permissions, READ.roles | REPORTS)


def answer(
    origin: str, tenant: Tenant, caller: Caller, request: GraphRequest, parts: list[str]
) -> GraphAnswer:
    """Answer a request below `/users`; `parts` is what follows."""
    match [request.method, *parts]:
        case ["PATCH", key]:
            return change(tenant, caller, key, request.body)
        case ["GET", *_]:
            caller.check(_access(request.query))
            check_selection(tenant, caller, request.query)
    match [request.method, *parts]:
        case ["GET"]:
            return _list(origin, request, tenant)
        case ["GET", "delta" | "delta()"]:
            return _delta(origin, request, tenant)
        case ["GET", key]:
            return _one(tenant, key, request.query)
    raise Refused(404, "ResourceNotFound", "There is no such resource.")


def _access(query: dict[str, str]) -> Access:
    """Return who may read what is selected: readers of reports see the activity of everybody."""
    names = set(query.get("$select", "").split(","))
    return _ACTIVITY if names <= {"id", "signInActivity"} else READ


def _list(origin: str, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
    largest = _WITH_ACTIVITY if "signInActivity" in request.query.get("$select", "") else _LARGEST
    size = page_size(request.query, _DEFAULT_PAGE, largest)
    start, following = opaque(request.query.get("$skiptoken"), 0), None
    indices = _matching(tenant, request.query)
    shown = (tenant.directory.user(i, listed=True) for i in indices[start : start + size])
    body: dict[str, Any] = {"value": [selected(tenant, user, request.query) for user in shown]}
    if start + size < len(indices):
        following = next_link(request, start + size)
        body["@odata.nextLink"] = f"{origin}/{request.version}{following}"
    return GraphAnswer(200, body)


def _matching(tenant: Tenant, query: dict[str, str]) -> list[int]:
    """Return the indices of the users that `$filter` accepts."""
    indices = tenant.directory.indices()
    if not query.get("$filter"):
        return indices
    test = parsed(query["$filter"])
    return [i for i in indices if test(tenant.directory.user(i, listed=True))]


def _one(tenant: Tenant, key: str, query: dict[str, str]) -> GraphAnswer:
    index = tenant.directory.find(key)
    if index is None:
        raise Refused(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
    return GraphAnswer(200, selected(tenant, tenant.directory.user(index), query))


def _delta(origin: str, request: GraphRequest, tenant: Tenant) -> GraphAnswer:
    token, directory = request.query.get("$deltatoken"), tenant.directory
    if token == "latest":  # noqa: S105  Graph's word for "from now"
        return _delta_end(origin, request, tenant, [])
    if token is None:
        everybody = [directory.user(i, listed=True) for i in directory.indices()]
        selection = [selected(tenant, user, request.query) for user in everybody]
        return _delta_end(origin, request, tenant, selection)
    since = opaque(token, -1)
    if since < directory.oldest_delta:
        return error_answer(410, "syncStateNotFound", "The sync state generation is not found.")
    return _delta_end(origin, request, tenant, _changes(request, tenant, since))


def _changes(request: GraphRequest, tenant: Tenant, since: int) -> list[dict[str, Any]]:
    """Return the users that changed; only their changed properties, if those are preferred.

    https://learn.microsoft.com/graph/delta-query-overview
    """
    directory = tenant.directory
    changed: dict[int, set[str]] = {}
    for one in directory.changes[since : directory.settled()]:
        changed.setdefault(one.index, {"id", "@removed"}).update(one.properties)
    minimal = "return=minimal" in request.prefer and not directory.tells_all
    whole = directory.created_since(since) if minimal else changed.keys()
    return [
        value if index in whole else {n: v for n, v in value.items() if n in changed[index]}
        for index in sorted(changed)
        for value in [_change(tenant, index, request.query)]
    ]


def _change(tenant: Tenant, index: int, query: dict[str, str]) -> dict[str, Any]:
    user = tenant.directory.user(index, listed=True)
    if index in tenant.directory.deleted:
        return {"id": user["id"], "@removed": {"reason": "changed"}}
    return selected(tenant, user, query)


def _delta_end(
    origin: str, request: GraphRequest, tenant: Tenant, values: list[dict[str, Any]]
) -> GraphAnswer:
    now = tenant.directory.settled()
    after = link(origin, "/users/delta", request.query, "$deltatoken", now)
    return GraphAnswer(200, {"value": values, "@odata.deltaLink": after})
