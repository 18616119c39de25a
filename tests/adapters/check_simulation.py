"""Compares every request that the simulated Graph accepts with Microsoft's metadata.

A command rather than a test, because the metadata is not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_simulation

It checks path, method, permissions (application and delegated), query options, the type of the
body, and the type that is returned. It exits with 1 on a difference, and with an error if the
metadata is missing. Requests that the metadata does not know, such as those of beta, are listed.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from local.microsoft import user_changes, users
from local.microsoft.resources import BETA, Access, Resource
from local.microsoft.topics.all import RESOURCES
from local.microsoft.topics.usage import BY_PATH
from tests.adapters.graph_reference import Reference, type_of


@dataclass(frozen=True)
class Accepted:
    """A request that the simulation accepts; `kind` is the type of what it is about."""

    method: str
    path: str
    access: Access
    kind: str
    is_list: bool = False
    options: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def accepted() -> Iterator[Accepted]:
    """Yield every request that the simulation accepts in v1.0."""
    for resource in RESOURCES:
        if resource.versions != (BETA,):
            yield from _of_resource(resource)
    user = "microsoft.graph.user"
    yield Accepted("GET", "/users", users.READ, user, is_list=True)
    yield Accepted("GET", "/users/{id}", users.READ, user)
    for access in (user_changes.UPDATE, user_changes.ENABLE_OR_DISABLE):
        yield Accepted("PATCH", "/users/{id}", access, user)
    for path, report in BY_PATH.items():
        yield Accepted("GET", f"/{path}(period='{{period}}')", report.access, "")


def _of_resource(resource: Resource) -> Iterator[Accepted]:
    path, kind = f"/{resource.path}", resource.kind
    options = resource.options - {"$skiptoken"}
    is_list = resource.is_list
    yield Accepted("GET", path, resource.read, kind, is_list=is_list, options=options)
    for method, access in resource.writes.items():
        item = is_list and method != "POST"
        yield Accepted(method, f"{path}/{{id}}" if item else path, access, kind)


def differences(reference: Reference, one: Accepted) -> Iterator[str]:
    """Yield what the metadata says differently."""
    for kind in ("application", "delegated"):
        permitted = reference.permitted(one.method, one.path, kind)
        wrong = (one.access.permissions | one.access.also) - (permitted or set())
        # A permission to read users serves in addition to the one that changes them.
        wrong -= {"User.Read.All"} if one.method == "PATCH" else set()
        if permitted is not None and wrong:
            yield f"{one.name}: not {kind} permissions: {sorted(wrong)}"
    known = reference.operation(one.method, one.path)
    if known is not None:
        yield from _shape_differences(reference, one, known)


def _shape_differences(
    reference: Reference, one: Accepted, known: dict[str, object]
) -> Iterator[str]:
    returned, body = known.get("returns"), known.get("body")
    short = one.kind.rpartition(".")[2]
    if isinstance(returned, str) and one.kind and type_of(returned) != (short, one.is_list):
        yield f"{one.name}: returns {one.kind}, where Microsoft says {returned}"
    if isinstance(body, str) and type_of(body) != (short, False):
        yield f"{one.name}: the body is a {one.kind}, where Microsoft says {body}"
    if one.method in ("POST", "PATCH") and body is None:
        yield f"{one.name}: takes no body"
    query = known.get("query")
    unknown = one.options - set(query if isinstance(query, list) else ())
    if one.is_list and unknown:
        yield f"{one.name}: no such query options: {sorted(unknown)}"


def main() -> int:
    """Print how many requests were compared, what could not be, and each difference."""
    reference = Reference.from_environment()
    every = list(accepted())
    unknown = {
        one.name
        for one in every
        if reference.operation(one.method, one.path) is None
        and reference.permitted(one.method, one.path, "application") is None
    }
    print(f"{len(every)} requests, {len([o for o in every if o.method != 'GET'])} of them writes")
    print("not in the metadata:", ", ".join(sorted(unknown)) or "none")
    found = {text for one in every for text in differences(reference, one)}
    print("\n".join(sorted(found)) or "no differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
