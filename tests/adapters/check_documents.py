"""Compares every document that the simulated Graph generates with Microsoft's types.

A command rather than a test, because the types are not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_documents

It exits with 1 on a difference, and with an error if the types are missing. Types that the
reference does not know are listed: they are not checked.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.microsoft.contents import current
from local.microsoft.directory import Directory
from local.microsoft.resources import V1, Found, Resource
from local.microsoft.tenant import Tenant
from local.microsoft.topics.all import RESOURCES
from local.microsoft.topics.role_holders import role_group
from local.microsoft.user_properties import EVERY, selected
from local.sample_data import tenants

type Check = Callable[[Any, str], list[str]]

_PROFILES = ("hardened", "typical", "neglected")


def reference_check(folder: Path) -> tuple[Check, frozenset[str]]:
    """Return Microsoft's check of a document against a type, and the names of the types.

    Types that are open at Microsoft accept any property; here, an unknown one is a difference.
    """
    spec = importlib.util.spec_from_file_location("validate", folder / "validate.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.T.update({name: {**known, "open": False} for name, known in module.T.items()})
    return module.check, frozenset(module.T)


def samples() -> Iterator[Tenant]:
    """Yield a few tenants of each profile."""
    for profile in _PROFILES:
        for seed in tenants()[:4]:
            people = Directory(seed.number, seed.domain, seed.users)
            name = seed.display_name
            yield Tenant(seed.tenant_id, name, seed.domain, seed.number, people, profile=profile)


def documents(tenant: Tenant, resource: Resource, version: str) -> list[Any]:
    """Return the documents of a resource, each with all that can be expanded."""
    key = role_group(tenant)
    ids = (key,) if "{id}" in resource.path else ()
    found = Found(resource, resource.path.replace("{id}", key), ids)
    value = current(tenant, found, version)
    plain = value if resource.is_list else [value]
    expands = resource.expands.items()
    return [{**d, **{name: make(tenant, d) for name, make in expands}} for d in plain]


def differences(check: Check) -> Iterator[str]:
    """Yield each complaint, once for all tenants."""
    for tenant in samples():
        for resource in RESOURCES:
            if V1 not in resource.versions:
                continue
            for document in documents(tenant, resource, V1):
                yield from (f"{resource.path} {text}" for text in check(document, resource.kind))
        for index in tenant.directory.indices():
            user = tenant.directory.user(index)
            whole = selected(tenant, user, {"$select": ",".join(sorted(EVERY))})
            there = {name: value for name, value in whole.items() if value is not None}
            yield from (f"users {text}" for text in check(there, "microsoft.graph.user"))


def main() -> int:
    """Print each difference, and what could not be checked."""
    check, known = reference_check(Path(os.environ["GRAPH_REFERENCE"]))
    unknown = {r.path for r in RESOURCES if V1 not in r.versions or r.kind not in known}
    found = set(differences(check))
    print(f"{len(RESOURCES) - len(unknown)} resources checked in {len(_PROFILES)} profiles")
    print("not checked, as the reference has no type:", ", ".join(sorted(unknown)))
    print("\n".join(sorted(found)) or "no differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
