import json
from uuid import UUID

import pytest

from core.capabilities import CAPABILITIES, MANIFEST, READING
from core.graph_permissions import MICROSOFT_GRAPH, PERMISSION_IDS
from ops.__main__ import main


def test_the_manifest_asks_for_what_the_code_needs_and_for_nothing_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["app-manifest"]) == 0
    (access,) = json.loads(capsys.readouterr().out)["requiredResourceAccess"]
    assert access["resourceAppId"] == MICROSOFT_GRAPH
    asked = {(one["type"], one["id"]) for one in access["resourceAccess"]}
    roles = {("Role", PERMISSION_IDS[name].role) for name in MANIFEST}
    scopes = {("Scope", PERMISSION_IDS[name].scope) for name in READING.delegated}
    assert asked == roles | scopes


def test_each_permission_has_an_id_of_its_own() -> None:
    needed = {name for capability in CAPABILITIES.values() for name in capability.application}
    assert PERMISSION_IDS.keys() == needed
    identifiers = [identifier for ids in PERMISSION_IDS.values() for identifier in ids]
    assert len(set(map(UUID, identifiers))) == len(identifiers)
