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

from domain.graph_permissions import MANAGE_GDAP, MANIFEST, READ, READ_ORGANIZATION

from adapters.graph.sku_names import product_name
from ops.app_manifest import APP_ROLES, SCOPES

_GDAP = "/tenantRelationships/delegatedAdminRelationships"
CALLS = {
    ("GET", "/organization"): READ_ORGANIZATION,
    ("GET", "/users"): READ["users"],
    ("GET", "/users/{user-id}"): READ["users"],
    ("GET", "/users/delta()"): READ["users"],
    ("GET", "/subscribedSkus"): READ["licences"],
    ("GET", "/security/secureScores"): READ["secureScore"],
    ("GET", "/identity/conditionalAccess/policies"): READ["conditionalAccessPolicies"],
    ("POST", _GDAP): MANAGE_GDAP,
    ("POST", f"{_GDAP}/{{delegatedAdminRelationship-id}}/requests"): MANAGE_GDAP,
}
# Not enough for the selected properties: it shows only a user's name and addresses.
_TOO_LITTLE = {"User.ReadBasic.All"}
# Microsoft's list also calls it least-privileged, but it also allows writes.
_TOO_MUCH = {"User.ReadWrite.All"}


def permission_differences(document: dict[str, Any]) -> Iterator[str]:
    """Yield the permissions that the manifest has in excess of the least privilege, or lacks."""
    overrides = {
        operation: override["application"]["least"]
        for override in document["overrides"]
        for operation in override["ops"]
        if "least" in override.get("application", {})
    }
    for (method, path), ours in CALLS.items():
        theirs = document["paths"][path][method]["application"]
        least = set(overrides.get(f"{method} {path}", theirs["least"]))
        if ours not in (least - _TOO_LITTLE - _TOO_MUCH or set(theirs["all"])):
            yield f"{method} {path}: {ours}, where Microsoft says {sorted(least)}"
    if set(CALLS.values()) != MANIFEST:
        yield f"the manifest asks for {sorted(MANIFEST ^ set(CALLS.values()))}"


def id_differences(document: dict[str, Any]) -> Iterator[str]:
    """Yield the permissions whose ID differs from Microsoft's, if the list has one."""
    for kind, ours in (("appRoleId", APP_ROLES), ("delegatedScopeId", SCOPES)):
        for name, identifier in ours.items():
            theirs = document["permissions"][name][kind]
            if theirs not in (None, identifier):
                yield f"{name}: {kind} {identifier}, where Microsoft says {theirs}"


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
    print("\n".join(differences) or "no differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
