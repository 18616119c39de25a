"""Changes of a tenant at the simulated Graph, and what a directory answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.directory import GraphDirectory
from adapters.graph.writer import GraphTenantWriter
from adapters.identity import TokenSource, object_id_of
from domain.errors import (
    ConsentRequired,
    MicrosoftError,
    MicrosoftUnavailable,
    RoleRequired,
    TenantNotManageable,
)
from domain.identifiers import ObjectId, TenantId
from domain.ports.graph_writer import AnswerLost, Applied, GraphWrite, Refused, Throttled
from local.sample_data import CONTOSO, STRANGER, fixed_id
from tests.samples import tenant
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

OURS, THEIRS = tenant(OWN, is_own_msp_tenant=True), tenant(CUSTOMER)
NOBODY = fixed_id("nobody")


@pytest.fixture
def writer(tokens: TokenSource, graph: GraphClient) -> GraphTenantWriter:
    return GraphTenantWriter(tokens, graph)


@pytest.fixture
def directory(tokens: TokenSource, graph: GraphClient) -> GraphDirectory:
    return GraphDirectory(tokens, graph)


@pytest.fixture
async def user(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> str:
    """A user of the partner tenant, of the cloud and without a role."""
    await simulation.tenant(consented=True)
    token = await tokens.app_token(MSP, OWN)
    select = "$select=id,userPrincipalName,accountEnabled,onPremisesSyncEnabled&$top=999"
    found = (await graph.get(f"/users?{select}", token))["value"]
    return str(
        next(
            each["id"]
            for each in found[20:]
            if each["accountEnabled"] and not each.get("onPremisesSyncEnabled")
        )
    )


def disable(user_id: str) -> GraphWrite:
    return GraphWrite("PATCH", f"/users/{user_id}", {"accountEnabled": False})


async def is_enabled(writer: GraphTenantWriter, user_id: str) -> bool:
    found = await writer.read(MSP, OURS, f"/users/{user_id}?$select=id,accountEnabled")
    assert found is not None
    assert set(found) == {"id", "accountEnabled"}
    return bool(found["accountEnabled"])


async def sent(simulation: Simulation) -> int:
    return sum(entry["method"] == "PATCH" for entry in await simulation.asked("/users/"))


async def test_a_change_is_made_with_the_app_at_the_partner_tenant(
    simulation: Simulation, writer: GraphTenantWriter, user: str
) -> None:
    assert await writer.write(MSP, OURS, disable(user)) == Applied({})
    assert not await is_enabled(writer, user)
    assert await sent(simulation) == 1
    path = f"/users/{NOBODY}?$select=id,accountEnabled"
    assert await writer.read(MSP, OURS, path) is None


@pytest.mark.parametrize(
    ("fault", "kind", "attempts"),
    [
        ({"status": 429, "retryAfter": 7}, Throttled, 1),
        ({"status": 429}, Throttled, 1),
        ({"status": 500}, AnswerLost, 1),
        ({"status": 503, "retryAfter": 7}, AnswerLost, 1),
        ({"status": 504, "applied": True}, AnswerLost, 1),
        ({"disconnect": True}, AnswerLost, 1),
        ({"status": 400}, Refused, 1),
        ({"status": 403}, Refused, 1),
        ({"status": 401, "times": 1}, Applied, 2),
        ({"status": 401}, Refused, 2),
    ],
)
async def test_each_answer_has_a_meaning_and_none_is_sent_again_unread(
    simulation: Simulation,
    writer: GraphTenantWriter,
    user: str,
    fault: dict[str, Any],
    kind: type,
    attempts: int,
) -> None:
    before = await sent(simulation)
    await simulation.faults({"path": "/users/", "method": "PATCH", **fault})
    answer = await writer.write(MSP, OURS, disable(user))
    assert isinstance(answer, kind)
    assert await sent(simulation) == before + attempts
    if isinstance(answer, Throttled):
        assert answer.retry_after == fault.get("retryAfter", 10)
    if isinstance(answer, Refused) and answer.status == 403:
        assert (answer.code, answer.is_denied) == ("Authorization_RequestDenied", True)
    await simulation.faults()
    applied = fault.get("applied", False) or isinstance(answer, Applied)
    assert await is_enabled(writer, user) is not applied


async def test_a_change_that_is_not_answered_is_lost(
    simulation: Simulation, writer: GraphTenantWriter, user: str
) -> None:
    await simulation.faults({"path": "/users/", "method": "PATCH", "truncate": True})
    assert not isinstance(await writer.write(MSP, OURS, disable(user)), Refused)
    await simulation.faults()
    assert not await is_enabled(writer, user)


@pytest.mark.parametrize(
    ("fault", "where", "error"),
    [
        ({"status": 403}, OURS, ConsentRequired),
        ({"status": 403}, THEIRS, RoleRequired),
        ({"status": 429, "retryAfter": 9}, OURS, MicrosoftUnavailable),
        ({"status": 503}, THEIRS, MicrosoftUnavailable),
        ({"status": 400}, OURS, MicrosoftError),
        ({"status": 200, "body": {"value": "nonsense"}}, OURS, MicrosoftUnavailable),
        ({"status": 200, "body": {"value": [{"principalId": 1}]}}, OURS, MicrosoftError),
    ],
)
async def test_what_cannot_be_read_is_never_taken_for_empty(
    simulation: Simulation,
    directory: GraphDirectory,
    fault: dict[str, Any],
    where: Any,
    error: type[Exception],
) -> None:
    await simulation.tenant(consented=True)
    await simulation.faults({"path": "/roleAssignments", **fault})
    with pytest.raises(error):
        await directory.role_holders(MSP, where)


async def test_a_tenant_that_gives_no_token_is_not_manageable(
    writer: GraphTenantWriter, directory: GraphDirectory
) -> None:
    stranger = tenant(TenantId(STRANGER.tenant_id))
    ask: list[Callable[[], Awaitable[object]]] = [
        lambda: writer.write(MSP, stranger, disable(NOBODY)),
        lambda: writer.read(MSP, stranger, f"/users/{NOBODY}"),
        lambda: directory.user(MSP, stranger, NOBODY),
        lambda: directory.role_holders(MSP, stranger),
    ]
    for request in ask:
        with pytest.raises(TenantNotManageable, match="No GDAP access"):
            await request()


async def test_users_are_found_by_id_and_by_name(
    simulation: Simulation, directory: GraphDirectory, user: str
) -> None:
    found = await directory.user(MSP, OURS, user)
    assert found is not None
    assert found.user_id == user
    assert await directory.user(MSP, OURS, found.user_principal_name.upper()) == found
    assert await directory.user(MSP, OURS, NOBODY) is None
    assert await directory.user(MSP, OURS, "nobody#EXT#@contoso.com") is None
    assert await directory.enabled_users(MSP, OURS, [ObjectId(user)]) == {user}
    assert await directory.enabled_users(MSP, OURS, []) == frozenset()
    many = [ObjectId(fixed_id(f"nobody {n}")) for n in range(20)]
    assert await directory.enabled_users(MSP, OURS, [*many, ObjectId(user)]) == {user}


async def test_who_holds_a_role_through_a_group_holds_it(
    simulation: Simulation, directory: GraphDirectory, user: str
) -> None:
    admin, group = fixed_id("role/admin"), fixed_id("group")
    held = [
        {"principalId": NOBODY.upper(), "roleDefinitionId": admin},
        {
            "principalId": group,
            "roleDefinitionId": admin,
            "principal": {"@odata.type": "#microsoft.graph.group", "id": group},
        },
        {"principalId": user, "roleDefinitionId": fixed_id("role/other")},
    ]
    members = [{"id": user, "accountEnabled": True}]
    await simulation.faults(
        {"path": "/roleAssignments", "status": 200, "body": {"value": held}},
        {"path": f"/groups/{group}/transitiveMembers", "status": 200, "body": {"value": members}},
    )
    assert await directory.role_holders(MSP, OURS) == {
        NOBODY: {admin},
        group: {admin},
        user: {admin, fixed_id("role/other")},
    }
    await simulation.faults(
        {"path": "/roleAssignments", "status": 200, "body": {"value": held}},
        {"path": f"/groups/{group}/transitiveMembers", "status": 404},
    )
    assert user in await directory.role_holders(MSP, OURS)


async def test_the_service_account_is_known_by_its_own_token(
    simulation: Simulation, directory: GraphDirectory, tokens: TokenSource
) -> None:
    await simulation.tenant(consented=True)
    assert await directory.service_account(MSP) == fixed_id(f"account/{CONTOSO.client_id}")
    assert object_id_of("opaque") is None
    await simulation.tenant(mfaRequired=True)
    tokens._tokens.clear()
    assert await directory.service_account(MSP) is None
