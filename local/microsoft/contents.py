"""The current content of a tenant's resources: generated, unless something else was set."""

from typing import Any

from local.microsoft.filters import Document
from local.microsoft.resources import BETA, Found
from local.microsoft.tenant import Tenant


def current(tenant: Tenant, found: Found) -> Any:
    """Return the object or list that a resource contains; of a list, whole items."""
    path = stored_path(found)
    value = tenant.objects.get(path, None)
    if value is None:
        value = found.resource.content(tenant, *found.ids)
    return _with_items(tenant, path, value) if found.resource.is_list else value


def stored_path(found: Found) -> str:
    """Return the path under which a resource is stored: both versions share it if they can."""
    return f"beta/{found.path}" if found.resource.versions == (BETA,) else found.path


def _with_items(tenant: Tenant, path: str, documents: list[Document]) -> list[Document]:
    own = tenant.objects.items(path)
    if not own:
        return documents
    there = [own.get(str(item.get("id")), item) for item in documents]
    known = {str(item.get("id")) for item in documents}
    added = [item for key, item in own.items() if key not in known]
    return [item for item in [*there, *added] if item is not None]
