import json

import pytest

from core.capabilities import MANAGING_USERS, READING
from core.graph_permissions import (
    MICROSOFT_GRAPH,
    PARTNER_CENTER,
    PARTNER_CENTER_SCOPE,
    PERMISSION_IDS,
)
from ops.__main__ import main


def asked(capsys: pytest.CaptureFixture[str], *names: str) -> set[tuple[str, str]]:
    """Return the types and names of the permissions that are printed for some capabilities."""
    assert main(["app-manifest", *(f"--capability={name}" for name in names)]) == 0
    access, consenting = json.loads(capsys.readouterr().out)["requiredResourceAccess"]
    assert access["resourceAppId"] == MICROSOFT_GRAPH
    impersonation = {"id": PARTNER_CENTER_SCOPE, "type": "Scope"}
    assert consenting == {"resourceAppId": PARTNER_CENTER, "resourceAccess": [impersonation]}
    roles = {ids.role: name for name, ids in PERMISSION_IDS.items()}
    scopes = {ids.scope: name for name, ids in PERMISSION_IDS.items()}
    named = [
        (one["type"], (roles if one["type"] == "Role" else scopes)[one["id"]])
        for one in access["resourceAccess"]
    ]
    assert len(named) == len(set(named))
    return set(named)


def test_the_manifest_only_reads_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {("Role", name) for name in READING.application}
    expected |= {("Scope", name) for name in READING.delegated}
    assert asked(capsys) == asked(capsys, "reading") == expected


def test_a_capability_adds_its_own_permissions(capsys: pytest.CaptureFixture[str]) -> None:
    added = asked(capsys, "users", "users") - asked(capsys)
    names = MANAGING_USERS.application - READING.application
    assert names
    assert {name for kind, name in added if kind == "Role"} == names
    assert {name for kind, name in added if kind == "Scope"} == names


def test_an_unknown_capability_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app-manifest", "--capability=everything"])
    assert "everything" in capsys.readouterr().err
