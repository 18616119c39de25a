"""Writes of objects and of the items of lists, refused where Graph refuses them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local.microsoft.answers import GraphAnswer, GraphRequest, Refused
from local.microsoft.callers import Caller
from local.microsoft.contents import current
from local.microsoft.filters import Document
from local.microsoft.lists import is_unlicensed, one
from local.microsoft.resources import Found, Resource
from local.microsoft.tenant import Tenant

_ANNOTATIONS = "@odata."


def write(tenant: Tenant, caller: Caller, request: GraphRequest, found: Found) -> GraphAnswer:
    """Carry out a POST, PATCH, PUT or DELETE, after permission, role and plan are checked."""
    resource, method = found.resource, request.method
    access = resource.writes.get(method)
    if access is None or not _fits(found, method):
        raise Refused(405, "MethodNotAllowed", "Specified HTTP method is not allowed.")
    caller.check(access, resource.denied)
    is_empty = is_unlicensed(tenant, resource)
    before: Any = [] if is_empty else current(tenant, found, request.version, latest=True)
    if method == "POST":
        return _create(tenant, found, _checked(resource, before, request.body))
    old: Document = before if found.item is None else one(before, found.item)
    if method == "DELETE":
        tenant.objects.put(_path_of(found, old), None)
        return GraphAnswer(204, None)
    return _change(tenant, found, method, old, _checked(resource, [old], request.body))


def _fits(found: Found, method: str) -> bool:
    """Return whether a method is for what the path names: items, the list, or the object."""
    if not found.resource.is_list:
        return method in ("PATCH", "PUT")
    return (method == "POST") == (found.item is None)


def _checked(resource: Resource, samples: list[Document], body: Any) -> Document:
    """Return a body that sets only properties that can be set, to values that exist."""
    if not isinstance(body, dict):
        raise Refused(400, "BadRequest", "Unable to read JSON request payload.")
    known = resource.optional.union(resource.expands, *(sample.keys() for sample in samples))
    for name, value in body.items():
        if name in resource.read_only:
            raise Refused(400, "Request_BadRequest", f"Property '{name}' is read-only.")
        if name not in known and not name.startswith(_ANNOTATIONS):
            text = f"The property '{name}' does not exist on type '{resource.kind}'."
            raise Refused(400, "BadRequest", text)
        if name in resource.choices and value not in resource.choices[name]:
            raise Refused(400, "BadRequest", f"Invalid value '{value}' for '{name}'.")
    return body


def _create(tenant: Tenant, found: Found, body: Document) -> GraphAnswer:
    times = {"createdDateTime", "modifiedDateTime", "lastModifiedDateTime"}
    known = times & found.resource.read_only
    made = {"id": str(uuid4()), **{name: _now() for name in sorted(known)}, **body}
    tenant.objects.put(_path_of(found, made), made)
    return GraphAnswer(201, made)


def _change(
    tenant: Tenant, found: Found, method: str, old: Document, body: Document
) -> GraphAnswer:
    new = {**old, **body} if method == "PUT" else merged(old, body)
    for part in found.resource.parts & body.keys():
        tenant.objects.drop(f"{found.path}/{part}", is_list=True)
    touches = found.resource.touches
    if touches:
        new = {**new, touches: _now()}
    tenant.objects.put(found.path if found.item is None else _path_of(found, new), new)
    if method == "PUT" or touches:
        return GraphAnswer(200, new)
    return GraphAnswer(204, None)


def merged(old: Document, new: Document) -> Document:
    """Return an object with the properties that a PATCH names; those in it are merged too."""
    both = {
        name: merged(old[name], value)
        if isinstance(value, dict) and isinstance(old.get(name), dict)
        else value
        for name, value in new.items()
    }
    return {**old, **both}


def _path_of(found: Found, item: Document) -> str:
    return f"{found.path}/{item['id']}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
