"""Every odd value in every field of what protection is decided by: it never protects less."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.graph.client import GraphClient
from adapters.graph.directory import GraphDirectory
from adapters.graph.writer import GraphTenantWriter
from adapters.identity import TokenSource
from domain.errors import DomainError
from domain.identifiers import ObjectId
from local.sample_data import STRANGER, fixed_id
from tests.fuzz.mutations import mutations, some_of
from tests.samples import tenant
from tests.simulation import MSP, OWN, Simulation

OURS = tenant(OWN, is_own_msp_tenant=True)
ADMIN, USER, OTHER = fixed_id("role/admin"), fixed_id("a user"), STRANGER.tenant_id
GROUP = fixed_id("a group")
_CASES = 40


async def _findings(
    simulation: Simulation,
    sample: Any,
    path: str,
    ask: Callable[[bool], Awaitable[str | None]],
    *others: dict[str, Any],
) -> list[str]:
    """Return the cases that end neither in a known error nor in a harmless answer."""
    found = []
    for case in some_of(list(mutations(sample)), _CASES):
        fault = {"path": path, "status": 200, "body": case.answer}
        await simulation.faults(fault, *others)
        try:
            wrong = await ask(case.place[:2] == ("value", 0))
        except DomainError as error:
            wrong = "a long story" if len(str(error)) > 400 else None
        except Exception as error:  # noqa: BLE001  any other error is a finding
            wrong = f"{type(error).__name__}: {error}"[:200]
        if wrong:
            found.append(f"{case}: {wrong}")
    return found


async def test_role_assignments(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True)
    directory = GraphDirectory(tokens, graph)
    held = {
        "id": "a-1",
        "principalId": GROUP,
        "roleDefinitionId": ADMIN,
        "directoryScopeId": "/",
        "principal": {"@odata.type": "#microsoft.graph.group", "id": GROUP},
    }
    direct = {
        **copy.deepcopy(held),
        "principalId": OTHER,
        "principal": {"@odata.type": "#microsoft.graph.user", "id": OTHER},
    }
    members = {
        "path": f"/groups/{GROUP}/",
        "status": 200,
        "body": {"value": [{"id": USER, "accountEnabled": True}]},
    }
    nobody = {"path": "/groups/", "status": 404}

    async def ask(inside: bool) -> str | None:
        holders = await directory.role_holders(MSP, OURS)
        if inside and ADMIN not in holders.get(ObjectId(OTHER), ()):
            return "another holder is lost"
        if GROUP in holders and ADMIN in holders[ObjectId(GROUP)] and USER not in holders:
            return "the members of a group are lost"
        return None

    sample = {"value": [held, direct]}
    path = "/roleAssignments$"
    findings = await _findings(simulation, sample, path, ask, members, nobody)
    # Nobody can tell a group that says it is a user.
    assert [each for each in findings if "@odata.type" not in each] == []


async def test_members_and_sign_in_states(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True)
    directory = GraphDirectory(tokens, graph)
    users = [ObjectId(USER), ObjectId(OTHER)]

    async def ask(_inside: bool) -> str | None:
        enabled = await directory.enabled_users(MSP, OURS, users)
        return None if enabled <= set(users) else "a user whom nobody named"

    sample = {"value": [{"id": user, "accountEnabled": True} for user in users]}
    assert await _findings(simulation, sample, "/users$", ask) == []


async def test_the_target(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> None:
    await simulation.tenant(consented=True)
    directory, writer = GraphDirectory(tokens, graph), GraphTenantWriter(tokens, graph)

    async def ask(_inside: bool) -> str | None:
        await writer.read(MSP, OURS, f"/users/{USER}?$select=id,accountEnabled")
        found = await directory.user(MSP, OURS, USER)
        return None if found is None or found.user_id == USER else "another user"

    sample = {"id": USER, "userPrincipalName": "a@contoso.com", "onPremisesSyncEnabled": None}
    assert await _findings(simulation, sample, f"/users/{USER}$", ask) == []
