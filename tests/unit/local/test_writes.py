"""The simulated Graph writes policies and the items of lists, within their rules."""

from typing import Any

import pytest

from local.microsoft.answers import GraphAnswer
from tests.unit.local.graph_caller import Caller, app_only, delegated

AUTHORIZATION = "/policies/authorizationPolicy"
ACCESS = "/identity/conditionalAccess/policies"
ALL = (
    *("Policy.Read.All", "Policy.ReadWrite.Authorization", "Policy.ReadWrite.ConditionalAccess"),
    *("Policy.ReadWrite.ConsentRequest", "Policy.ReadWrite.AuthenticationMethod"),
    *("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"),
    *("DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"),
)


def code(answer: GraphAnswer) -> tuple[int, str]:
    return answer.status, answer.body["error"]["code"]


async def first(caller: Caller, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await caller("GET", path)).body["value"][0]
    return found


async def test_a_patch_merges_and_answers_without_a_body() -> None:
    caller = app_only(*ALL)
    before = (await caller("GET", AUTHORIZATION)).body
    change = {
        "allowInvitesFrom": "none",
        "defaultUserRolePermissions": {"allowedToCreateApps": False},
    }
    answer = await caller("PATCH", AUTHORIZATION, change)
    assert (answer.status, answer.body) == (204, None)
    after = (await caller("GET", AUTHORIZATION)).body
    inner = {**before["defaultUserRolePermissions"], "allowedToCreateApps": False}
    expected = {**before, "allowInvitesFrom": "none", "defaultUserRolePermissions": inner}
    assert after == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "x"}, "Request_BadRequest"),
        ({"shoeSize": 44}, "BadRequest"),
        ([], "BadRequest"),
        (None, "BadRequest"),
    ],
)
async def test_what_cannot_be_set_is_refused(body: Any, expected: str) -> None:
    assert code(await app_only(*ALL)("PATCH", AUTHORIZATION, body)) == (400, expected)


async def test_a_write_needs_its_own_permission_and_role() -> None:
    body = {"allowInvitesFrom": "none"}
    assert (await app_only("Policy.Read.All")("PATCH", AUTHORIZATION, body)).status == 403
    reader = delegated(*ALL, roles=("Global Reader",))
    assert (await reader("PATCH", f"{ACCESS}/x", {"state": "disabled"})).status == 403
    writer = delegated(*ALL, roles=("Conditional Access Administrator",))
    key = (await first(writer, ACCESS))["id"]
    assert (await writer("PATCH", f"{ACCESS}/{key}", {"state": "disabled"})).status == 204


async def test_conditional_access_is_not_written_without_the_permission_to_read_it() -> None:
    caller = app_only("Policy.ReadWrite.ConditionalAccess")
    assert (await caller("POST", ACCESS, {"displayName": "x"})).status == 403


async def test_items_are_created_changed_and_deleted() -> None:
    caller = app_only(*ALL)
    count = len((await caller("GET", ACCESS)).body["value"])
    made = await caller("POST", ACCESS, {"displayName": "New", "state": "disabled"})
    assert made.status == 201
    path = f"{ACCESS}/{made.body['id']}"
    assert (await caller("PATCH", path, {"state": "enabled"})).status == 204
    assert (await caller("GET", path)).body["state"] == "enabled"
    assert len((await caller("GET", ACCESS)).body["value"]) == count + 1
    assert (await caller("DELETE", path)).status == 204
    assert code(await caller("GET", path)) == (404, "Request_ResourceNotFound")
    assert code(await caller("DELETE", path)) == (404, "Request_ResourceNotFound")
    assert len((await caller("GET", ACCESS)).body["value"]) == count


async def test_a_generated_item_is_deleted() -> None:
    caller = app_only(*ALL)
    key = (await first(caller, ACCESS))["id"]
    assert (await caller("DELETE", f"{ACCESS}/{key}")).status == 204
    assert key not in {one["id"] for one in (await caller("GET", ACCESS)).body["value"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", AUTHORIZATION),
        ("PUT", AUTHORIZATION),
        ("PATCH", ACCESS),
        ("POST", f"{ACCESS}/x"),
        ("POST", "/subscribedSkus"),
    ],
)
async def test_methods_that_do_not_exist_are_refused(method: str, path: str) -> None:
    assert code(await app_only(*ALL)(method, path, {})) == (405, "MethodNotAllowed")


async def test_an_unknown_value_is_refused() -> None:
    caller = app_only(*ALL)
    key = (await first(caller, ACCESS))["id"]
    assert code(await caller("PATCH", f"{ACCESS}/{key}", {"state": "on"})) == (400, "BadRequest")


async def test_an_incident_answers_with_itself_and_its_new_time() -> None:
    caller = app_only(*ALL)
    before = await first(caller, "/security/incidents")
    path = f"/security/incidents/{before['id']}"
    answer = await caller("PATCH", path, {"status": "resolved", "assignedTo": "somebody"})
    assert (answer.status, answer.body["status"]) == (200, "resolved")
    assert answer.body["lastUpdateDateTime"] > before["lastUpdateDateTime"]


async def test_a_put_replaces_what_it_names() -> None:
    caller = app_only(*ALL)
    path = "/policies/adminConsentRequestPolicy"
    answer = await caller("PUT", path, {"isEnabled": True, "reviewers": []})
    assert answer.status in (200, 204)
    assert (await caller("GET", path)).body["isEnabled"] is True


async def test_a_change_becomes_visible_after_the_lag_and_the_next_one_builds_on_it() -> None:
    caller = app_only(*ALL)
    caller.tenant.objects.lag_seconds = 3600
    before = (await caller("GET", AUTHORIZATION)).body
    await caller("PATCH", AUTHORIZATION, {"allowInvitesFrom": "none"})
    assert (await caller("GET", AUTHORIZATION)).body == before
    caller.tenant.objects.lag_seconds = 0
    await caller("PATCH", AUTHORIZATION, {"blockMsolPowerShell": True})
    after = (await caller("GET", AUTHORIZATION)).body
    assert (after["allowInvitesFrom"], after["blockMsolPowerShell"]) == ("none", True)


async def test_a_tenant_without_the_plan_writes_nothing() -> None:
    caller = app_only(*ALL)
    caller.tenant.service_plans = frozenset()
    assert (await caller("PATCH", "/deviceManagement", {"settings": {}})).status == 400
    caller.tenant.unlicensed_is_empty = True
    answer = await caller("PATCH", "/security/incidents/1000", {"status": "resolved"})
    assert answer.status == 404


async def test_both_versions_share_what_is_written() -> None:
    caller = app_only(*ALL)
    path = "/policies/authenticationMethodsPolicy"
    body = {"policyMigrationState": "migrationComplete"}
    assert (await caller("PATCH", path, body, version="beta")).status == 204
    for version in ("v1.0", "beta"):
        shown = await caller("GET", path, version=version)
        assert shown.body["policyMigrationState"] == "migrationComplete"


async def test_an_authentication_method_is_written_on_its_own_or_with_the_policy() -> None:
    caller = app_only(*ALL)
    policy, name = "/policies/authenticationMethodsPolicy", "authenticationMethodConfigurations"

    async def sms() -> dict[str, Any]:
        methods = (await caller("GET", policy)).body[name]
        found: dict[str, Any] = next(one for one in methods if one["id"] == "Sms")
        assert (await caller("GET", f"{policy}/{name}/sms")).body == found
        return found

    before = await sms()
    answer = await caller("PATCH", f"{policy}/{name}/sms", {"state": "disabled"})
    assert answer.status == 204
    assert await sms() == {**before, "state": "disabled"}
    assert (await caller("PATCH", policy, {name: [before]})).status == 204
    assert await sms() == before
    assert (await caller("DELETE", f"{policy}/{name}/sms")).status == 405
