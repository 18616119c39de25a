"""Every odd value in every field of the answers about data sets of each shape."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.reader import GraphTenantReader
from core.data_sets.devices import CONFIGURATION_POLICIES
from core.data_sets.identity import DOMAINS
from core.data_sets.policies import SECURITY_DEFAULTS
from core.data_sets.roles import ROLE_ASSIGNMENTS, ROLE_GROUP_MEMBERS
from core.data_sets.security import INCIDENTS
from domain.ports.graph_reader import INTERNAL_FAULT, Reading, Records, Wanted
from tests.adapters.scripted_graph import Answer, ScriptedGraph, scripted_graph
from tests.fuzz.mutations import mutations, some_of

_CASES = 60  # per shape, unless FUZZ=all
_MEMBERS = "/v1.0/groups/g/transitiveMembers/microsoft.graph.user"
_SETTINGS = "/beta/deviceManagement/configurationPolicies"
_SINCE = datetime(2026, 11, 10, tzinfo=UTC)
SHAPES: dict[str, tuple[Wanted, str, dict[str, Any]]] = {
    "one": (
        Wanted(SECURITY_DEFAULTS),
        "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy",
        {"id": "x", "isEnabled": True, "displayName": "Defaults"},
    ),
    "many": (
        Wanted(DOMAINS),
        "/v1.0/domains",
        {"value": [{"id": "a", "supportedServices": ["Email"]}, {"id": "b"}]},
    ),
    "with expanded objects": (
        Wanted(ROLE_ASSIGNMENTS),
        "/v1.0/roleManagement/directory/roleAssignments",
        {"value": [{"id": "a", "principal": {"@odata.type": "t", "id": "p"}}, {"id": "b"}]},
    ),
    "with a list that is cut": (
        Wanted(CONFIGURATION_POLICIES),
        _SETTINGS,
        {
            "value": [
                {"id": "a", "settings": [{"id": "s"}], "settings@odata.nextLink": f"{_SETTINGS}/2"},
                {"id": "b", "settings": []},
            ]
        },
    ),
    "each": (
        Wanted(ROLE_GROUP_MEMBERS, ids=["g"]),
        _MEMBERS,
        {"value": [{"id": "a", "accountEnabled": True}, {"id": "b", "accountEnabled": False}]},
    ),
    "since": (
        Wanted(INCIDENTS, since=_SINCE),
        "/v1.0/security/incidents",
        {"value": [{"id": "a", "lastUpdateDateTime": "2026-11-10T00:00:00Z"}, {"id": "b"}]},
    ),
}


async def _read(graph: GraphClient, wanted: Wanted) -> Reading:
    async def token(*, fresh: bool) -> str:
        return f"fresh: {fresh}"

    reader = GraphTenantReader(graph, token, 0, 0, delegated=False)
    ((_, reading),) = [one async for one in reader.read([wanted])]
    return reading


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("in_batch", [True, False], ids=["in a batch", "alone"])
async def test_an_odd_answer_is_no_fault_of_ours(shape: str, in_batch: bool) -> None:
    wanted, path, sample = SHAPES[shape]
    broken: list[str] = []
    async with scripted_graph() as (scripted, graph):
        _script(scripted, path, sample, in_batch=in_batch)
        assert isinstance(await _read(graph, wanted), Records)
        for mutation in some_of(list(mutations(sample)), _CASES):
            _script(scripted, path, mutation.answer, in_batch=in_batch)
            reading = await _read(graph, wanted)
            if not isinstance(reading, Records) and INTERNAL_FAULT in reading.error:
                broken.append(f"{mutation}: {reading.error}")
            if mutation.place[:2] == ("value", 0) and _lost(reading):
                broken.append(f"{mutation}: the other record is lost")
    assert broken == []


def _script(graph: ScriptedGraph, path: str, body: Any, *, in_batch: bool) -> None:
    refused = Answer({"error": {"code": "busy"}}, 503, {"Retry-After": "0"})
    graph.in_batches = {} if in_batch else {path: [refused]}
    more = Answer({"value": [{"id": "t"}]})
    graph.answers = {path: [Answer(_absolute(body, graph.origin))], f"{_SETTINGS}/2": [more]}


def _absolute(body: Any, origin: str) -> Any:
    """Return an answer whose link leads to this server."""
    if isinstance(body, dict):
        return {name: _absolute(value, origin) for name, value in body.items()}
    if isinstance(body, list):
        return [_absolute(item, origin) for item in body]
    return f"{origin}{body}" if body == f"{_SETTINGS}/2" else body


def _lost(reading: Reading) -> bool:
    """Return whether a well-formed record was dropped without a word."""
    if not isinstance(reading, Records):
        return False
    keys = {record.key for record in reading.records}
    return not (reading.unreadable or "b" in keys or "g" in keys)
