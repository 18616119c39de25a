"""Compares the permissions and their IDs, and the SKU names, with Microsoft's published lists.

A command rather than a test, because the lists are not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_reference

It exits with 1 on a difference, and with an error if the lists are missing.
"""

import csv
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.graph.sku_names import product_name
from core.capabilities import MANIFEST
from core.graph_permissions import MANAGE_GDAP, PERMISSION_IDS, READ_ORGANIZATION
from core.known_data_sets import DATA_SETS

_GDAP = "/tenantRelationships/delegatedAdminRelationships"
# Parts of paths that Microsoft's list writes in another way.
_WRITTEN = {
    "/groups/{id}/": "/groups/{group-id}/",
    "/microsoft.graph.user": "/graph.user",
    "(period='D30')": "(period='{period}')",
}


def listed_path(path: str) -> str:
    """Return a data set's path as Microsoft's list writes it."""
    path = path.partition("?")[0]
    for ours, theirs in _WRITTEN.items():
        path = path.replace(ours, theirs)
    return path


CALLS: dict[tuple[str, str], tuple[str, ...]] = {
    **{("GET", listed_path(one.path)): one.permissions for one in DATA_SETS.values()},
    ("GET", "/users"): DATA_SETS["users"].permissions,
    ("GET", "/users/{user-id}"): DATA_SETS["users"].permissions,
    ("GET", "/users/delta()"): DATA_SETS["users"].permissions,
    ("GET", "/organization"): (READ_ORGANIZATION,),
    ("POST", _GDAP): (MANAGE_GDAP,),
    ("POST", f"{_GDAP}/{{delegatedAdminRelationship-id}}/requests"): (MANAGE_GDAP,),
}
# Not enough for the selected properties: they show only the name and addresses of a user, and only
# the IDs of a group's members.
_TOO_LITTLE = {"User.ReadBasic.All", "GroupMember.ReadBasic.All"}
# Microsoft's list also calls it least-privileged, but it also allows writes.
_TOO_MUCH = {"User.ReadWrite.All"}


def permission_differences(document: dict[str, Any]) -> Iterator[str]:
    """Yield the calls that our permissions do not allow, and the permissions that none needs.

    A call may have a broader permission than its least one, if another call needs that one anyway.
    """
    overrides = {
        operation: override["application"]["least"]
        for override in document["overrides"]
        for operation in override["ops"]
        if "least" in override.get("application", {})
    }
    needed: set[str] = set()
    for (method, path), ours in CALLS.items():
        theirs = _listed(document, path).get(method, {}).get("application")
        if theirs is None:
            needed.update(ours)
            continue
        least = set(overrides.get(f"{method} {path}", theirs["least"])) - _TOO_LITTLE - _TOO_MUCH
        needed |= least or set(theirs["all"])
        if not set(theirs["all"]).intersection(ours):
            yield f"{method} {path}: {ours}, where Microsoft says {sorted(theirs['all'])}"
    if unneeded := MANIFEST - needed:
        yield f"no call needs {sorted(unneeded)}"
    if lacking := {
        name for one in DATA_SETS.values() if one.is_default for name in one.permissions
    }:
        yield from (f"the manifest lacks {name}" for name in sorted(lacking - MANIFEST))


def unlisted(document: dict[str, Any]) -> list[str]:
    """Return the calls that Microsoft's list does not have: they cannot be compared."""
    return [path for method, path in CALLS if method not in _listed(document, path)]


def _listed(document: dict[str, Any], path: str) -> dict[str, Any]:
    paths = document["paths"]
    found: dict[str, Any] = paths.get(path) or paths.get(f"beta:{path}") or {}
    return found


def id_differences(document: dict[str, Any]) -> Iterator[str]:
    """Yield the permissions whose ID differs from Microsoft's, if the list has one."""
    for name, ours in PERMISSION_IDS.items():
        theirs = document["permissions"][name]
        for kind, identifier in (("appRoleId", ours.role), ("delegatedScopeId", ours.scope)):
            if theirs[kind] not in (None, identifier):
                yield f"{name}: {kind} {identifier}, where Microsoft says {theirs[kind]}"


def name_differences(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    """Yield the SKU names that differ from Microsoft's; unlisted SKUs show their part number."""
    for row in rows:
        part_number, published = row["skuPartNumber"], row["productDisplayName"]
        if product_name(part_number) not in (part_number, published):
            yield f"{part_number}: {product_name(part_number)}, where Microsoft says {published}"


def main() -> int:
    """Print each difference."""
    folder = Path(os.environ["GRAPH_REFERENCE"])
    permissions = json.loads((folder / "graph-permissions-v1.json").read_text())
    with (folder / "data" / "skus.csv").open(newline="", encoding="utf-8-sig") as file:
        names = list(name_differences(iter(csv.DictReader(file))))
    differences = [*permission_differences(permissions), *id_differences(permissions), *names]
    print("not in Microsoft's list:", *sorted(unlisted(permissions)))
    print("\n".join(differences) or "no differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
