"""Lists: one declaration provides paging, filters, the link of the next page, and OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps

from pydantic import BaseModel

from domain.ports.page import Page
from domain.roles import Permission
from edge.answers import Answer
from edge.models import ListQuery, NoBody, list_answer
from edge.requests import StaffRequest
from edge.routes import RouteTable

type Fetch[P, Q, A] = Callable[[P, StaffRequest[NoBody, Q]], Awaitable[Page[A]]]


def list_route[P, Q: ListQuery, A: BaseModel](
    routes: RouteTable[P],
    path: str,
    permission: Permission,
    item: type[A],
    query: type[Q] = ListQuery,  # type: ignore[assignment]  # the default narrows Q
) -> Callable[[Fetch[P, Q, A]], Fetch[P, Q, A]]:
    """Declare a list that staff read page by page.

    The decorated function returns a page of answers. The request's query contains the page size,
    the position and the filters.

    Args:
        item: The model of an answer's item.
        query: The model of the filters; it inherits paging from ListQuery.
    """
    model = list_answer(item)
    errors = (404,) if "{" in path else ()

    def declare(fetch: Fetch[P, Q, A]) -> Fetch[P, Q, A]:
        @routes.route("GET", path, permission, query=query, answers={200: model}, errors=errors)
        @wraps(fetch)
        async def answer(ports: P, request: StaffRequest[NoBody, Q]) -> Answer:
            page = await fetch(ports, request)
            link = request.next_link(page.next_token)
            return Answer(200, model(items=list(page.items), next_link=link))

        return fetch

    return declare


def page_of[T](query: ListQuery, items: Mapping[str, T]) -> Page[T]:
    """Return a page of items that are at hand, in the order of their keys."""
    keys = [key for key in sorted(items) if key > (query.page_token or "")]
    page = keys[: query.page_size]
    token = page[-1] if len(keys) > len(page) else None
    return Page(tuple(items[key] for key in page), token)
