"""What Graph knows: each resource with its path, who may use it, and what it contains."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.microsoft.filters import Document
from local.microsoft.tenant import Tenant

V1, BETA = "v1.0", "beta"
OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$expand", "$skiptoken"})


def words(*names: str) -> frozenset[str]:
    """Return names, each of which may be several that are separated by a bar."""
    return frozenset(part for name in names for part in name.split("|"))


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a method.

    Args:
        permissions: One of them is needed, delegated or application.
        roles: Names of Entra roles; a delegated token needs one of them too.
        also: Permissions that are all needed in addition.
    """

    permissions: frozenset[str]
    roles: frozenset[str]
    also: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a service refuses."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The service plans of which a tenant needs one, and the answer without it.

    Args:
        may_be_empty: Whether some tenants without it get an empty list, as the tenant's
            `unlicensed_is_empty` decides.
    """

    names: frozenset[str]
    refusal: Refusal
    may_be_empty: bool = False


DENIED = Refusal(
    403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
)


@dataclass(frozen=True, slots=True)
class Resource:
    """An object or a list of Graph.

    Args:
        path: Without version and leading slash; `{id}` stands for any segment.
        kind: Microsoft's type of the object, or of the list's items.
        read: Who may read it.
        content: Returns the generated object or list of a tenant; the segments that stand for
            `{id}` are further arguments.
        is_list: Whether it is a list, whose items can be read and written one by one.
        in_beta: Returns an object with the properties that only beta has.
        writes: Who may use other methods: on the object, or POST on the list and PATCH and
            DELETE on its items.
        read_only: Properties that no request sets.
        optional: Writable properties that a generated object may lack.
        choices: The values of properties that take only some.
        expands: How to compute each navigation property.
        options: The query options that the service accepts.
        page: Default size of a page.
        largest_page: Largest size of a page; `refuses_larger` says whether more is an error.
        needs_filter: Whether the service refuses to list everything.
        parts: Properties that are lists, whose items can be written one by one below the object.
        is_kept: Whether what is generated from the people of a large tenant is kept from page to
            page.
        touches: The property that tells when an item was last changed.
        order: The property by which a list is sorted, newest first, unless requested otherwise.
        denied: The answer without permission.
    """

    path: str
    kind: str
    read: Access
    content: Callable[..., Any]
    is_list: bool = True
    versions: tuple[str, ...] = (V1, BETA)
    in_beta: Callable[[Tenant, Document], Document] | None = None
    plan: Plan | None = None
    writes: Mapping[str, Access] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    expands: Mapping[str, Callable[[Tenant, Document], Any]] = field(default_factory=dict)
    options: frozenset[str] = OPTIONS
    page: int = 100
    largest_page: int = 999
    refuses_larger: bool = False
    needs_filter: bool = False
    order: str | None = None
    parts: frozenset[str] = frozenset()
    is_kept: bool = False
    touches: str | None = None
    denied: Refusal = DENIED


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that a path names.

    Args:
        path: The path of the resource itself.
        ids: The segments that stand for `{id}`.
        item: The key of a list's item, or None for the resource itself.
    """

    resource: Resource
    path: str
    ids: tuple[str, ...]
    item: str | None = None


def find(resources: Iterable[Resource], version: str, path: str) -> Found | None:
    """Return what a path names in a version of Graph, or None if nothing."""
    known = [resource for resource in resources if version in resource.versions]
    head, _, item = path.rpartition("/")
    for resource in known:
        if (ids := _ids(resource.path, path)) is not None:
            return Found(resource, path, ids)
    for resource in known:
        if resource.is_list and (ids := _ids(resource.path, head)) is not None:
            return Found(resource, head, ids, item)
    return None


def _ids(template: str, path: str) -> tuple[str, ...] | None:
    """Return the segments that stand for `{id}` if a path has the form of a template."""
    parts = list(zip(template.split("/"), path.split("/"), strict=False))
    if template.count("/") != path.count("/"):
        return None
    if any(known not in ("{id}", given) for known, given in parts):
        return None
    return tuple(given for known, given in parts if known == "{id}")
