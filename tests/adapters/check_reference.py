"""Compares the permissions and their IDs, and the SKU names, with Microsoft's published lists.

A command rather than a test, because the lists are not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_reference

It exits with 1 on a difference, and with an error if the lists are missing.
"""

import csv
import sys
from collections.abc import Iterator

from adapters.graph.sku_names import product_name
from core.capabilities import CAPABILITIES, MANAGING_USERS, application_permissions
from core.graph_permissions import MANAGE_GDAP, PERMISSION_IDS, READ_ORGANIZATION
from core.known_data_sets import DATA_SETS
from domain.data_set import DataSet
from tests.adapters.graph_reference import Reference

_GDAP = "/tenantRelationships/delegatedAdminRelationships"
# Not enough for the selected properties: it shows only a user's name and addresses.
_TOO_LITTLE = {"User.ReadBasic.All"}
# Microsoft's list names them for the request, but not as the least: one permits less than the
# least, only to set accountEnabled; the basic ones below the other show no accountEnabled.
_CHOSEN = {"User.EnableDisableAccount.All", "GroupMember.Read.All"}
_WRITES = {
    ("POST", _GDAP): {MANAGE_GDAP},
    ("POST", f"{_GDAP}/{{id}}/requests"): {MANAGE_GDAP},
    ("POST", f"{_GDAP}/{{id}}/accessAssignments"): {MANAGE_GDAP},
    ("PATCH", f"{_GDAP}/{{id}}/accessAssignments/{{id}}"): {MANAGE_GDAP},
    ("PATCH", "/users/{id}"): {*MANAGING_USERS.permissions},
}
_OTHER_READS = {
    ("GET", "/organization"): {READ_ORGANIZATION},
    ("GET", _GDAP): {MANAGE_GDAP},
    ("GET", f"{_GDAP}/{{id}}"): {MANAGE_GDAP},
    ("GET", f"{_GDAP}/{{id}}/accessAssignments"): {MANAGE_GDAP},
    ("GET", "/users/{id}"): {"User.Read.All"},
    ("GET", "/users/delta()"): {"User.Read.All"},
}


def _call(data_set: DataSet) -> tuple[str, str]:
    return "GET", data_set.path.partition("?")[0].replace("'D30'", "'{period}'")


# What each request needs, by method and path.
CALLS: dict[tuple[str, str], set[str]] = {**_WRITES, **_OTHER_READS}
for _one in DATA_SETS.values():
    if _one.version == "v1.0":
        CALLS[_call(_one)] = CALLS.get(_call(_one), set()) | set(_one.permissions)


def permission_differences(reference: Reference) -> Iterator[str]:
    """Yield requests for which Microsoft does not accept what the app asks for."""
    for (method, path), ours in CALLS.items():
        for kind in ("application", "delegated"):
            permitted = reference.permitted(method, path, kind)
            if permitted is not None and not ours & permitted:
                yield f"{method} {path}: {sorted(ours)}, where Microsoft says {sorted(permitted)}"


def privilege_differences(reference: Reference) -> Iterator[str]:
    """Yield the permissions that are not the least privileged ones of any request.

    One that is of some request serves others too, so that fewer permissions are asked for.
    """
    least: dict[str, set[str]] = {}
    for (method, path), ours in CALLS.items():
        known = reference.least(method, path)
        for name in ours if known else ():
            least.setdefault(name, set()).update(known - _TOO_LITTLE)
    for name, known in least.items():
        if name not in known | _CHOSEN:
            yield f"{name} is not least privileged: Microsoft says {sorted(known)}"


def excess_differences() -> Iterator[str]:
    """Yield the permissions that the manifests ask for although no request needs them."""
    needed = {name for names in CALLS.values() for name in names}
    needed |= {name for data_set in DATA_SETS.values() for name in data_set.permissions}
    asked = application_permissions(CAPABILITIES.values())
    if asked != needed:
        yield f"the manifest asks for {sorted(asked ^ needed)}"


def id_differences(reference: Reference) -> Iterator[str]:
    """Yield the permissions whose ID differs from Microsoft's, if the list has one."""
    for name, ours in PERMISSION_IDS.items():
        for kind, identifier in (("appRoleId", ours.role), ("delegatedScopeId", ours.scope)):
            theirs = reference.permissions["permissions"][name][kind]
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
    reference = Reference.from_environment()
    path = reference.folder / "data" / "skus.csv"
    with path.open(newline="", encoding="utf-8-sig") as file:
        names = list(name_differences(iter(csv.DictReader(file))))
    permissions = [*permission_differences(reference), *privilege_differences(reference)]
    differences = [*permissions, *excess_differences(), *id_differences(reference), *names]
    print("\n".join(differences) or "no differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
