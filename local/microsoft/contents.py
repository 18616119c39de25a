"""The current content of a tenant's resources: generated, unless something else was set."""

from typing import Any

from local.microsoft.filters import Document
from local.microsoft.resources import BETA, Found
from local.microsoft.tenant import Tenant


def current(tenant: Tenant, found: Found, version: str, *, latest: bool = False) -> Any:
    """Return the object or list that a resource contains; of a list, whole items.

    Both versions share what is set, unless it is set for beta alone.

    Args:
        latest: Whether to include what reads do not show yet.
    """
    value = tenant.objects.get(found.path, None, latest=latest)
    if value is None:
        value = _generated(tenant, found)
    if found.resource.is_list:
        value = _with_items(tenant, found.path, value, latest=latest)
    for name in found.resource.parts:
        items = _with_items(tenant, f"{found.path}/{name}", value[name], latest=latest)
        value = {**value, name: items}
    if version != BETA:
        return value
    own = tenant.objects.get(f"beta/{found.path}", None, latest=latest)
    value = own if own is not None else _in_beta(tenant, found, value)
    if not found.resource.is_list:
        return value
    return _with_items(tenant, f"beta/{found.path}", value, latest=latest)


def _generated(tenant: Tenant, found: Found) -> Any:
    if not found.resource.is_kept:
        return found.resource.content(tenant, *found.ids)
    directory = tenant.directory
    state = (tenant.profile, directory.users, len(directory.changes), directory.settled())
    known = tenant.kept.get(found.path)
    if known is None or known[0] != state:
        known = tenant.kept[found.path] = (state, found.resource.content(tenant))
    return known[1]


def _in_beta(tenant: Tenant, found: Found, value: Any) -> Any:
    add = found.resource.in_beta
    if add is None:
        return value
    return [add(tenant, item) for item in value] if isinstance(value, list) else add(tenant, value)


def _with_items(
    tenant: Tenant, path: str, documents: list[Document], *, latest: bool
) -> list[Document]:
    own = tenant.objects.items(path, latest=latest)
    if not own:
        return documents
    there = [own.get(str(item.get("id")), item) for item in documents]
    known = {str(item.get("id")) for item in documents}
    added = [item for key, item in own.items() if key not in known]
    return [item for item in [*there, *added] if item is not None]
