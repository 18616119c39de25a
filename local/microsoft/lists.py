"""Reads of generated objects and lists, with their query options."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from local.microsoft.answers import GraphAnswer, GraphRequest, Refused, page_size
from local.microsoft.contents import current
from local.microsoft.filters import Document
from local.microsoft.options import expanded, narrowed, paged, selected
from local.microsoft.plans import held
from local.microsoft.resources import Found, Resource
from local.microsoft.tenant import Tenant


def read(origin: str, tenant: Tenant, request: GraphRequest, found: Found) -> GraphAnswer:
    """Answer a GET of an object, a list, or a list's item."""
    resource, query = found.resource, request.query
    _check_options(resource, query)
    is_empty = is_unlicensed(tenant, resource)
    value = [] if is_empty else current(tenant, found, request.version)
    shown = _shown(tenant, resource, query)
    if not resource.is_list:
        return GraphAnswer(200, shown(value))
    if found.item is not None:
        return GraphAnswer(200, shown(one(value, found.item)))
    return _list(origin, request, resource, value, shown)


def is_unlicensed(tenant: Tenant, resource: Resource) -> bool:
    """Return whether a tenant lacks the service plan, and its list is just empty.

    Raises:
        Refused: It lacks the plan, and the service says so.
    """
    plan = resource.plan
    if plan is None or plan.names & held(tenant):
        return False
    if plan.may_be_empty and tenant.unlicensed_is_empty:
        return True
    raise Refused(plan.refusal.status, plan.refusal.code, plan.refusal.message)


def one(documents: list[Document], key: str) -> Document:
    """Return the item of a list with a key."""
    for document in documents:
        if str(document.get("id")).casefold() == key.casefold():
            return document
    message = f"Resource '{key}' does not exist or one of its queried reference-property objects"
    raise Refused(404, "Request_ResourceNotFound", f"{message} are not present.")


def _shown(tenant: Tenant, resource: Resource, query: dict[str, str]) -> Callable[[Any], Document]:
    expands = {name: partial(make, tenant) for name, make in resource.expands.items()}
    return lambda document: selected(expanded(document, query, expands), query)


def _check_options(resource: Resource, query: dict[str, str]) -> None:
    """Refuse options that the service does not know, and pages beyond its largest."""
    for name in query:
        if name.startswith("$") and name not in resource.options:
            raise Refused(400, "BadRequest", f"The query option '{name}' is not supported.")
    if resource.needs_filter and "$filter" not in query:
        raise Refused(400, "MissingParameters", "The required parameter $filter is missing.")
    size = page_size(query, resource.page, sys.maxsize)
    if resource.refuses_larger and size > resource.largest_page:
        text = f"The limit of '{resource.largest_page}' for Top query has been exceeded."
        raise Refused(400, "BadRequest", text)


def _list(
    origin: str,
    request: GraphRequest,
    resource: Resource,
    documents: list[Document],
    shown: Callable[[Any], Document],
) -> GraphAnswer:
    query = request.query
    if resource.order and "$orderby" not in query:
        query = {**query, "$orderby": f"{resource.order} desc"}
    kept = narrowed(documents, query)
    page, following = paged(request, kept, resource.page, resource.largest_page)
    body: dict[str, Any] = {"value": [shown(document) for document in page]}
    if following:
        body["@odata.nextLink"] = f"{origin}/{request.version}{following}"
    return GraphAnswer(200, body)
