import json

import pytest

from core.capabilities import MANIFEST, READING
from core.graph_permissions import (
    MICROSOFT_GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_SCOPE,
    PERMISSION_IDS,
)
from ops.__main__ import main


def test_the_manifest_asks_for_what_the_code_needs_and_for_nothing_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["app-manifest"]) == 0
    access, consenting = json.loads(capsys.readouterr().out)["requiredResourceAccess"]
    impersonation = {"id": PARTNER_CENTER_SCOPE, "type": "Scope"}
    assert consenting == {"resourceAppId": PARTNER_CENTER, "resourceAccess": [impersonation]}
    assert access["resourceAppId"] == MICROSOFT_GRAPH
    asked = {(one["type"], one["id"]) for one in access["resourceAccess"]}
    roles = {("Role", PERMISSION_IDS[name].role) for name in MANIFEST}
    scopes = {("Scope", PERMISSION_IDS[name].scope) for name in READING.delegated}
    assert asked == roles | scopes
