"""The simulated Graph changes users as Microsoft does, and refuses what Microsoft refuses."""

from typing import Any

import pytest

from local.microsoft.roles import IDS
from tests.unit.local.graph_caller import Caller, app_only, delegated

ENABLE = ("User.Read.All", "User.EnableDisableAccount.All", "RoleManagement.Read.Directory")
WRITE = ("User.Read.All", "User.ReadWrite.All", "RoleManagement.Read.Directory")
ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
DENIED = (403, "Authorization_RequestDenied")


async def holders(caller: Caller, role: str) -> list[str]:
    answer = await caller("GET", f"{ASSIGNMENTS}?$filter=roleDefinitionId eq '{IDS[role]}'")
    assert answer.status == 200
    return [item["principalId"] for item in answer.body["value"]]


async def ordinary(caller: Caller, *, synced: bool = False) -> str:
    """Return an enabled user who holds no role."""
    held = {item["principalId"] for item in (await caller("GET", ASSIGNMENTS)).body["value"]}
    url = "/users?$top=60&$select=id,accountEnabled,onPremisesSyncEnabled"
    users = (await caller("GET", url)).body["value"]
    candidates = [
        user["id"]
        for user in users[10:]
        if user["accountEnabled"]
        and user["id"] not in held
        and bool(user["onPremisesSyncEnabled"]) == synced
    ]
    return str(candidates[0])


async def patched(caller: Caller, key: str, body: Any) -> tuple[int, str | None]:
    answer = await caller("PATCH", f"/users/{key}", body)
    return answer.status, answer.body and answer.body["error"]["code"]


async def test_a_disabled_user_is_disabled_in_every_read() -> None:
    caller = app_only(*ENABLE)
    key = await ordinary(caller)
    start = await caller("GET", "/users/delta?$deltatoken=latest&$select=id,accountEnabled,mail")
    assert await patched(caller, key, {"accountEnabled": False}) == (204, None)
    one = await caller("GET", f"/users/{key}?$select=accountEnabled")
    assert one.body == {"accountEnabled": False}
    listed = await caller("GET", "/users?$top=60&$select=id,accountEnabled")
    assert {"id": key, "accountEnabled": False} in listed.body["value"]
    link = start.body["@odata.deltaLink"]
    minimal = await caller("GET", link, prefer="return=minimal")
    assert minimal.body["value"] == [{"id": key, "accountEnabled": False}]
    assert (await caller("GET", link)).body["value"][0].keys() == {"id", "accountEnabled", "mail"}


@pytest.mark.parametrize("permissions", [("User.Read.All",), ("User.EnableDisableAccount.All",)])
async def test_a_permission_is_needed(permissions: tuple[str, ...]) -> None:
    caller = app_only(*permissions)
    assert await patched(caller, "nobody", {"accountEnabled": False}) == DENIED


async def test_to_enable_and_disable_permits_nothing_else() -> None:
    caller = app_only(*ENABLE)
    body = {"accountEnabled": False, "jobTitle": "Engineer"}
    assert await patched(caller, await ordinary(caller), body) == DENIED


@pytest.mark.parametrize(
    ("roles", "expected"),
    [(("User Administrator",), 204), (("Global Reader",), 403), (("License Administrator",), 403)],
)
async def test_a_delegated_token_needs_a_role_too(roles: tuple[str, ...], expected: int) -> None:
    caller = delegated(*ENABLE, roles=(*roles, "Global Reader"))
    key = await ordinary(caller)
    assert (await patched(caller, key, {"accountEnabled": False}))[0] == expected


@pytest.mark.parametrize("caller_of", [app_only, delegated])
async def test_somebody_who_outranks_the_caller_is_not_disabled(caller_of: Any) -> None:
    caller = caller_of(*WRITE)
    for key in await holders(caller, "Global Administrator"):
        assert await patched(caller, key, {"accountEnabled": False, "jobTitle": "x"}) == DENIED
        shown = await caller("GET", f"/users/{key}?$select=accountEnabled,jobTitle")
        assert shown.body["accountEnabled"] is True
        assert shown.body["jobTitle"] != "x"


async def test_a_user_administrator_disables_another_one() -> None:
    caller = delegated(*ENABLE)
    (key, *_) = await holders(caller, "User Administrator")
    assert await patched(caller, key, {"accountEnabled": False}) == (204, None)


async def test_a_member_of_a_role_assignable_group_outranks_the_caller() -> None:
    caller = delegated(*ENABLE)
    (key,) = await holders(caller, "Helpdesk Administrator")  # also a member of the group
    assert await patched(caller, key, {"accountEnabled": False}) == DENIED


async def test_a_member_of_a_group_that_is_given_a_role_outranks_the_caller() -> None:
    caller = app_only(*ENABLE)
    key = await ordinary(caller)
    group = {"id": "new", "displayName": "New", "isAssignableToRole": True}
    caller.tenant.objects.put("groups/new", group)
    members = "groups/new/transitiveMembers/microsoft.graph.user"
    caller.tenant.objects.put(members, [{"id": key}])
    assert await patched(caller, key, {"accountEnabled": False}) == DENIED


async def test_an_app_whose_service_principal_has_a_role_may_disable_administrators() -> None:
    caller = app_only(*ENABLE)
    caller.tenant.app_roles["nobody"] = {"Global Administrator"}
    (key, *_) = await holders(caller, "Global Administrator")
    assert await patched(caller, key, {"accountEnabled": False}) == DENIED
    token_of = next(iter(caller.microsoft.apps))
    caller.tenant.app_roles[token_of] = {"Privileged Authentication Administrator"}
    assert await patched(caller, key, {"accountEnabled": False}) == (204, None)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "x"},
        {"createdDateTime": "2020-01-01T00:00:00Z"},
        {"assignedLicenses": []},
        {"shoeSize": 44},
        {"accountEnabled": "false"},
        {"accountEnabled": None},
        {"displayName": ""},
        {"usageLocation": "Australia"},
        {"businessPhones": "1"},
    ],
)
async def test_what_cannot_be_set_is_refused_and_nothing_is_applied(body: dict[str, Any]) -> None:
    caller = app_only(*WRITE)
    key = await ordinary(caller)
    both = {"department": "Night shift", **body}
    assert await patched(caller, key, both) == (400, "Request_BadRequest")
    shown = await caller("GET", f"/users/{key}?$select=department")
    assert shown.body != {"department": "Night shift"}


async def test_profile_properties_are_set_and_cleared() -> None:
    caller = app_only(*WRITE)
    key = await ordinary(caller)
    assert await patched(caller, key, {"jobTitle": "Chef", "department": None}) == (204, None)
    shown = await caller("GET", f"/users/{key}?$select=jobTitle,department")
    assert shown.body == {"jobTitle": "Chef", "department": None}


@pytest.mark.parametrize("body", [None, [], "x"])
async def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    caller = app_only(*WRITE)
    assert await patched(caller, await ordinary(caller), body) == (400, "BadRequest")


async def test_of_a_synced_user_only_what_the_cloud_masters_changes() -> None:
    caller = app_only(*WRITE)
    key = await ordinary(caller, synced=True)
    assert await patched(caller, key, {"jobTitle": "Chef"}) == (400, "Request_BadRequest")
    assert await patched(caller, key, {"accountEnabled": False}) == (204, None)


async def test_an_unknown_user_is_not_found() -> None:
    expected = (404, "Request_ResourceNotFound")
    assert await patched(app_only(*WRITE), "nobody", {"jobTitle": "Chef"}) == expected


async def test_lists_and_delta_lag_behind_a_write() -> None:
    caller = app_only(*ENABLE)
    key = await ordinary(caller)
    start = await caller("GET", "/users/delta?$deltatoken=latest&$select=id,accountEnabled")
    caller.tenant.directory.lag_seconds = 3600
    await patched(caller, key, {"accountEnabled": False})
    assert (await caller("GET", f"/users/{key}?$select=accountEnabled")).body["accountEnabled"] is (
        False
    )
    listed = await caller("GET", "/users?$top=60&$select=id,accountEnabled")
    assert {"id": key, "accountEnabled": True} in listed.body["value"]
    assert (await caller("GET", start.body["@odata.deltaLink"])).body["value"] == []


async def test_role_assignments_name_their_principals() -> None:
    caller = app_only(*ENABLE)
    (key, *_) = await holders(caller, "Global Administrator")
    url = f"{ASSIGNMENTS}?$filter=principalId eq '{key}'&$expand=principal"
    (assignment, *_) = (await caller("GET", url)).body["value"]
    assert assignment["principal"]["@odata.type"] == "#microsoft.graph.user"
    assert (assignment["principal"]["id"], assignment["principal"]["accountEnabled"]) == (key, True)
    assert "principal" not in (await caller("GET", ASSIGNMENTS)).body["value"][0]
