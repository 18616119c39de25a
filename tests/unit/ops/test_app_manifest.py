import json
from uuid import UUID

import pytest

from domain.graph_permissions import MANIFEST, READ
from ops.__main__ import main
from ops.app_manifest import (
    APP_ROLES,
    MICROSOFT_GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_SCOPE,
    SCOPES,
)


def test_the_manifest_asks_for_what_the_code_needs_and_for_nothing_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["app-manifest"]) == 0
    access, consenting = json.loads(capsys.readouterr().out)["requiredResourceAccess"]
    impersonation = {"id": PARTNER_CENTER_SCOPE, "type": "Scope"}
    assert consenting == {"resourceAppId": PARTNER_CENTER, "resourceAccess": [impersonation]}
    assert access["resourceAppId"] == MICROSOFT_GRAPH
    asked = {(one["type"], one["id"]) for one in access["resourceAccess"]}
    roles = {("Role", APP_ROLES[name]) for name in MANIFEST}
    assert asked == roles | {("Scope", SCOPES[name]) for name in READ.values()}


def test_each_permission_has_an_id_of_its_own() -> None:
    assert APP_ROLES.keys() == MANIFEST
    assert SCOPES.keys() == set(READ.values())
    identifiers = [*APP_ROLES.values(), *SCOPES.values()]
    assert len(set(map(UUID, identifiers))) == len(identifiers)
