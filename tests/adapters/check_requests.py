"""Compares every request that syncs make, as the simulation records it, with Microsoft's metadata.

A command rather than a test, because the metadata is not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_requests

It exits with 1 on a difference, and with an error if the metadata is missing.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from core.capabilities import MANIFEST
from tests.adapters.check_reference import CALLS
from tests.bench.microsoft import azurite, microsoft
from tests.faults.synced import synced
from tests.simulation import OWN

_VERSION, _BATCH = "/v1.0", "/v1.0/$batch"
_TYPES = {
    "/organization": "microsoft.graph.organization",
    "/users": "microsoft.graph.user",
    "/users/{user-id}": "microsoft.graph.user",
    "/users/delta()": "microsoft.graph.user",
    "/subscribedSkus": "microsoft.graph.subscribedSku",
    "/security/secureScores": "microsoft.graph.secureScore",
    "/identity/conditionalAccess/policies": "microsoft.graph.conditionalAccessPolicy",
}
_ONE_USER = re.compile(r"^/users/[0-9a-f-]{36}$")
# https://learn.microsoft.com/graph/delta-query-overview and /graph/paging: Graph's own tokens.
_TOKENS = {"$deltatoken", "$skiptoken"}


async def recorded() -> list[dict[str, Any]]:
    """Return the requests of a first sync, and after changes, a lost position and no change."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        async with (
            microsoft(run_dir) as (simulation, tokens, graph),
            azurite(run_dir) as storage,
            synced(storage, simulation, tokens, graph) as own,
        ):
            await simulation.tenant(users=2100, consented=True)
            await own.sync()
            changes = {"create": 3, "update": 1100, "delete": 2}
            await simulation.browser.control("POST", f"/tenants/{OWN}/changes", changes)
            await own.sync()
            await simulation.tenant(expireDeltaLinks=True)
            await own.sync()
            await own.sync()
            return await simulation.asked(f"{_VERSION}/")


def differences(request: dict[str, Any], paths: Any, types: Any) -> Iterator[str]:
    """Yield the parts of a request that are not in Microsoft's metadata or not consented to."""
    method, path = request["method"], request["path"].removeprefix(_VERSION)
    path = f"{path}()" if path.endswith("/delta") else _ONE_USER.sub("/users/{user-id}", path)
    if method not in paths.get(path, {}):
        yield f"{method} {path}: no such path"
        return
    needed = set(CALLS.get((method, path), ()))
    if not needed or needed - MANIFEST:
        yield f"{method} {path}: needs a permission that the manifest lacks"
    options = dict(parse_qsl(request["query"], keep_blank_values=True))
    unknown = options.keys() - set(paths[path][method]["query"]) - _TOKENS
    if unknown:
        yield f"{method} {path}: no such query option: {sorted(unknown)}"
    selected = set(filter(None, options.get("$select", "").split(",")))
    unknown = selected - _properties(types, _TYPES[path])
    if unknown:
        yield f"{method} {path}: no such property: {sorted(unknown)}"


def _properties(types: Any, name: str | None) -> set[str]:
    """Return the properties of a type and of its base types."""
    if name is None:
        return set()
    known = types[name]
    return set(known.get("properties", {})) | _properties(types, known.get("base"))


def main() -> int:
    """Print how often each path was requested, and each difference."""
    folder = Path(os.environ["GRAPH_REFERENCE"])
    paths = json.loads((folder / "graph-paths-v1.json").read_text())["paths"]
    types = json.loads((folder / "graph-types-v1.min.json").read_text())["types"]
    requests = [request for request in asyncio.run(recorded()) if request["path"] != _BATCH]
    asked = Counter(f"{request['method']} {request['path']}" for request in requests)
    print("\n".join(f"{count:4} {what}" for what, count in sorted(asked.items())))
    found = {said for request in requests for said in differences(request, paths, types)}
    print("\n".join(sorted(found)) or "no differences")
    return 1 if found or not requests else 0


if __name__ == "__main__":
    sys.exit(main())
