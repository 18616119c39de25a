"""Query options of lists and objects: `$filter`, `$orderby`, `$expand`, `$select` and pages.

https://learn.microsoft.com/graph/query-parameters
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from local.microsoft.answers import GraphRequest, Refused, opaque, page_size, token
from local.microsoft.filters import Document, comparable, parsed

type Expand = Callable[[Document], Any]

_PART = re.compile(r"\s*([\w.]+)\s*(?:\((.*)\))?\s*$")


def narrowed(documents: Sequence[Document], query: Mapping[str, str]) -> list[Document]:
    """Return the documents that the filter accepts, in the order that was requested."""
    test = parsed(query["$filter"]) if query.get("$filter") else None
    kept = [document for document in documents if test is None or test(document)]
    name, _, direction = query.get("$orderby", "").strip().partition(" ")
    if name:
        kept.sort(key=lambda document: _sortable(document.get(name)))
        kept = kept[::-1] if direction.strip() == "desc" else kept
    return kept


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, comparable(value)


def expanded(document: Document, query: Mapping[str, str], known: Mapping[str, Expand]) -> Document:
    """Return a document with its navigation properties only where `$expand` names them."""
    wanted = _expansions(query.get("$expand", ""))
    unknown = wanted - known.keys()
    if unknown:
        raise Refused(400, "BadRequest", f"Could not find a property named '{min(unknown)}'.")
    plain = {name: value for name, value in document.items() if name not in known}
    return plain | {name: known[name](document) for name in wanted}


def _expansions(text: str) -> set[str]:
    """Return the names that `$expand` lists; what is nested in parentheses comes with them."""
    flat = re.sub(r"\([^()]*\)", "", text)
    return {name.strip() for name in flat.split(",") if name.strip()}


def selected(document: Document, query: Mapping[str, str]) -> Document:
    """Return the selected properties, and annotations with what was expanded."""
    names = query.get("$select")
    if not names:
        return document
    kept = {name.strip() for name in names.split(",")} | _expansions(query.get("$expand", ""))
    return {n: v for n, v in document.items() if n in kept or n.startswith("@")}


def paged(
    request: GraphRequest, documents: Sequence[Document], default: int, largest: int
) -> tuple[Sequence[Document], str | None]:
    """Return one page, and the link to the next one without its origin and version."""
    size = page_size(request.query, default, largest)
    start = opaque(request.query.get("$skiptoken"), 0)
    following = start + size
    link = next_link(request, following) if following < len(documents) else None
    return documents[start:following], link


def next_link(request: GraphRequest, start: int) -> str:
    """Return a link that continues with the same options."""
    query = {**request.query, "$skiptoken": token(start)}
    arguments = "&".join(f"{name}={quote(text, safe="$,()'")}" for name, text in query.items())
    return f"{request.path}?{arguments}"
