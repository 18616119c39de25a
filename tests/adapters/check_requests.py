"""Compares every request that the product makes, as the simulation records it, with the metadata.

A command rather than a test, because Microsoft's metadata is not part of the project:

    GRAPH_REFERENCE=<folder> python -m tests.adapters.check_requests

It checks path, method, query options, selected properties, the properties of a body, and that the
permission is one that Microsoft accepts and the app asks for. It exits with 1 on a difference, and
with an error if the metadata is missing.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from core.known_data_sets import DATA_SETS
from domain.data_set import Since, Users
from domain.identifiers import TenantId
from domain.ports.graph_reader import Wanted
from local.sample_data import STRANGER, fixed_id
from tests.adapters.check_reference import CALLS
from tests.adapters.graph_reference import Reference, plain, type_of
from tests.bench.microsoft import azurite, microsoft
from tests.faults.synced import synced
from tests.samples import tenant
from tests.simulation import MSP, OWN, Simulation

_VERSIONS = ("/v1.0/", "/beta/")
_BATCH = "$batch"
# https://learn.microsoft.com/graph/delta-query-overview and /graph/paging: Graph's own tokens.
_TOKENS = {"$deltatoken", "$skiptoken"}
_DELTA = "/users/delta()"
# In Microsoft's documentation, but not in the metadata.
_NOT_COMPARED = (
    "/copilot/reports/getMicrosoft365CopilotUsageUserDetail(period='D30')",
    "/identityGovernance/accessReviews/definitions",
)


async def recorded() -> list[dict[str, Any]]:
    """Return the requests of syncs and of GDAP."""
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
            await _every_data_set(tokens, graph)
            await _gdap(simulation, tokens, graph)
            return [
                request
                for version in _VERSIONS
                for request in await simulation.asked(version)
                if not request["path"].endswith(_BATCH)
            ]


async def _every_data_set(tokens: TokenSource, graph: GraphClient) -> None:
    """Read each data set of the catalogue; those that depend on others for sample objects."""
    reader = GraphReaders(tokens, graph).of(MSP, tenant(OWN, is_own_msp_tenant=True))
    since = datetime.now(UTC) - timedelta(hours=2)
    wanted = [
        Wanted(one, since if isinstance(one.shape, Since) else None, (fixed_id("sample"),))
        for one in DATA_SETS.values()
        if not isinstance(one.shape, Users)
    ]
    async for _ in reader.read(wanted):
        pass


async def _gdap(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> None:
    """Invite a customer, and assign the access that it agrees to: twice, to see it change."""
    gdap, customer = GraphGdap(tokens, graph), TenantId(STRANGER.tenant_id)
    key = (await gdap.invite(MSP, customer, STRANGER.display_name, 30)).relationship_id
    await simulation.gdap(key, "accept")
    (accepted,) = [r for r in (await gdap.relationships(MSP)).found if r.relationship_id == key]
    await gdap.assign(MSP, accepted)
    await simulation.tenant(STRANGER.tenant_id, gdapRoles=["Global Reader"])
    await gdap.assign(MSP, accepted)


def differences(reference: Reference, request: dict[str, Any]) -> Iterator[str]:
    """Yield the parts of a request that are not in Microsoft's metadata or not consented to."""
    method, requested = request["method"], request["path"].removeprefix("/v1.0")
    path = reference.path_of(f"{requested}()" if requested.endswith("/delta") else requested)
    known = reference.operation(method, path) if path else None
    if path is None or known is None:
        yield f"{method} {requested}: no such path"
        return
    yield from _permission_differences(reference, method, path)
    options = dict(parse_qsl(request["query"], keep_blank_values=True))
    unknown = {name for name in options if name.startswith("$")} - set(known["query"]) - _TOKENS
    if unknown:
        yield f"{method} {path}: no such query option: {sorted(unknown)}"
    returned = "user" if path == _DELTA else type_of(known["returns"])[0]
    selected = set(filter(None, options.get("$select", "").split(",")))
    yield from _unknown(reference, f"{method} {path} selects", selected, returned)
    sent = {name for name in request["bodyNames"] or () if "@odata." not in name}
    yield from _unknown(reference, f"{method} {path} sends", sent, type_of(known.get("body"))[0])
    documented = reference.statuses(method, path)
    if documented and request["status"] < 300 and request["status"] not in documented:
        yield f"{method} {path}: {request['status']}, where Microsoft answers {documented}"


def _permission_differences(reference: Reference, method: str, path: str) -> Iterator[str]:
    ours = {
        plain(call): permissions for (verb, call), permissions in CALLS.items() if verb == method
    }
    needed = ours.get(path)
    if needed is None:
        yield f"{method} {path}: needs a permission that the manifest lacks"
        return
    for kind in ("application", "delegated"):
        permitted = reference.permitted(method, path, kind)
        if permitted is not None and not needed & permitted:
            yield f"{method} {path}: {sorted(needed)} are no {kind} permissions for it"


def _unknown(reference: Reference, what: str, names: set[str], short: str) -> Iterator[str]:
    unknown = names - reference.properties(reference.type_named(short))
    if unknown:
        yield f"{what} properties that a {short} lacks: {sorted(unknown)}"


def _is_compared(path: str) -> bool:
    return path.startswith("/v1.0/") and not path.endswith(_NOT_COMPARED)


def main() -> int:
    """Print how often each path was requested, what could not be compared, each difference."""
    reference = Reference.from_environment()
    requests = asyncio.run(recorded())
    known = [request for request in requests if _is_compared(request["path"])]
    asked = Counter(f"{request['method']} {request['path']}" for request in requests)
    print("\n".join(f"{count:4} {what}" for what, count in sorted(asked.items())))
    print(f"not compared, as the metadata lacks them: {len(requests) - len(known)}")
    found = {text for request in known for text in differences(reference, request)}
    print("\n".join(sorted(found)) or "no differences")
    return 1 if found or not known else 0


if __name__ == "__main__":
    sys.exit(main())
