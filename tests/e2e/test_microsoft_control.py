"""Tests control what the simulated Microsoft holds, and how its services answer."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from local.browser import Browser
from local.microsoft.roles import IDS
from local.sample_data import CONTOSO, PERMISSIONS
from local.stack import Stack
from tests.e2e.portal import Portal
from tests.e2e.test_microsoft import OWN, graph, token_with

POLICY = "/policies/authorizationPolicy"
ACCESS = "/identity/conditionalAccess/policies"
SELECT = "$select=id,displayName,accountEnabled"


@pytest.fixture
async def token(portal: Portal, stack: Stack) -> str:
    return await token_with(portal, stack, *PERMISSIONS, "Policy.ReadWrite.Authorization")


async def put(browser: Browser, path: str, body: Any) -> None:
    await browser.control("PUT", f"/tenants/{OWN}/objects/{path}", body)


async def drop(browser: Browser, path: str) -> None:
    await browser.control("DELETE", f"/tenants/{OWN}/objects/{path}")


async def test_an_object_is_what_was_set_until_it_is_given_back(portal: Portal, token: str) -> None:
    browser = portal.browser
    _, generated = await graph(browser, token, "GET", POLICY)
    await put(browser, POLICY.strip("/"), {"id": "authorizationPolicy", "allowInvitesFrom": "none"})
    assert (await graph(browser, token, "GET", POLICY))[1]["allowInvitesFrom"] == "none"
    status, empty = await graph(browser, token, "PATCH", POLICY, {"allowInvitesFrom": "everyone"})
    assert (status, empty) == (204, None)
    assert (await graph(browser, token, "GET", POLICY))[1]["allowInvitesFrom"] == "everyone"
    await drop(browser, POLICY.strip("/"))
    assert (await graph(browser, token, "GET", POLICY))[1] == generated


async def test_a_list_and_its_items_are_what_was_set(portal: Portal, token: str) -> None:
    browser, name = portal.browser, ACCESS.strip("/")
    _, generated = await graph(browser, token, "GET", ACCESS)
    await put(browser, f"{name}/mine", {"id": "mine", "state": "enabled"})
    _, longer = await graph(browser, token, "GET", ACCESS)
    assert len(longer["value"]) == len(generated["value"]) + 1
    await put(browser, name, [])
    assert [one["id"] for one in (await graph(browser, token, "GET", ACCESS))[1]["value"]] == [
        "mine"
    ]
    await drop(browser, name)
    assert (await graph(browser, token, "GET", ACCESS))[1] == generated


async def test_delta_has_the_users_that_were_set(portal: Portal, token: str) -> None:
    browser = portal.browser
    _, start = await graph(browser, token, "GET", f"/users/delta?$deltatoken=latest&{SELECT}")
    await put(browser, "users/somebody", {"displayName": "Somebody else", "accountEnabled": False})
    _, changed = await graph(browser, token, "GET", start["@odata.deltaLink"])
    expected = {"id": "somebody", "displayName": "Somebody else", "accountEnabled": False}
    assert changed["value"] == [expected]
    assert (await graph(browser, token, "GET", f"/users/somebody?{SELECT}"))[1] == expected
    await drop(browser, "users/somebody")
    _, gone = await graph(browser, token, "GET", changed["@odata.deltaLink"])
    assert gone["value"] == [{"id": "somebody", "@removed": {"reason": "changed"}}]


async def test_all_users_are_set_and_given_back(portal: Portal, token: str) -> None:
    browser = portal.browser
    _, before = await graph(browser, token, "GET", "/users?$top=999&$select=id")
    await put(browser, "users", [{"id": "only one"}])
    _, listed = await graph(browser, token, "GET", "/users?$top=999&$select=id")
    assert listed["value"] == [{"id": "only one"}]
    await drop(browser, "users")
    _, after = await graph(browser, token, "GET", "/users?$top=999&$select=id")
    # Generated users that an earlier test deleted come back too.
    assert all(user in after["value"] for user in before["value"])


async def test_somebody_who_was_given_a_role_cannot_be_disabled(
    portal: Portal, stack: Stack, token: str
) -> None:
    browser, path = portal.browser, "roleManagement/directory/roleAssignments"
    _, page = await graph(browser, token, "GET", "/users?$top=50&$select=id")
    key = page["value"][40]["id"]
    assignment = {"principalId": key, "roleDefinitionId": IDS["Global Administrator"]}
    await put(browser, f"{path}/new", {"id": "new", "directoryScopeId": "/", **assignment})
    status, _ = await graph(browser, token, "PATCH", f"/users/{key}", {"accountEnabled": False})
    assert status == 403
    roles = {CONTOSO.client_id: ["Privileged Authentication Administrator"]}
    await portal.tenant(CONTOSO, appRoles=roles)
    status, _ = await graph(browser, token, "PATCH", f"/users/{key}", {"accountEnabled": False})
    assert status == 204
    await portal.tenant(CONTOSO, appRoles={CONTOSO.client_id: []})
    await drop(browser, path)
    await drop(browser, f"users/{key}")


async def test_synchronization_from_active_directory_enables_a_user_again(
    portal: Portal, token: str
) -> None:
    browser = portal.browser
    select = "$select=id,accountEnabled,onPremisesSyncEnabled"
    _, page = await graph(browser, token, "GET", f"/users?$top=100&{select}")
    synced = [one["id"] for one in page["value"][10:] if one["onPremisesSyncEnabled"]]
    path = f"/users/{synced[0]}"
    _, before = await graph(browser, token, "GET", f"{path}?{select}")
    body = {"accountEnabled": not before["accountEnabled"]}
    assert (await graph(browser, token, "PATCH", path, body))[0] == 204
    await browser.control("POST", f"/tenants/{OWN}/ad-sync")
    assert (await graph(browser, token, "GET", f"{path}?{select}"))[1] == before


async def test_profile_plans_and_licences_of_a_tenant_change(portal: Portal, token: str) -> None:
    browser, path = portal.browser, "/identityProtection/riskyUsers"
    await portal.tenant(CONTOSO, profile="neglected")
    assert len((await graph(browser, token, "GET", path))[1]["value"]) == 3
    await portal.tenant(CONTOSO, profile="typical", servicePlans=["AAD_PREMIUM"])
    assert (await graph(browser, token, "GET", path))[0] == 403
    units = {"SPE_E5": {"consumedUnits": 7, "suspended": 2}, "SPB": None}
    await portal.tenant(CONTOSO, servicePlans=None, license=units)
    _, skus = await graph(browser, token, "GET", "/subscribedSkus")
    by_part = {sku["skuPartNumber"]: sku for sku in skus["value"]}
    assert (by_part["SPE_E5"]["consumedUnits"], "SPB" in by_part) == (7, False)
    assert by_part["SPE_E5"]["prepaidUnits"]["suspended"] == 2
    await portal.tenant(CONTOSO, license={"SPE_E5": {}, "SPB": {}})


async def test_what_nobody_reads_is_not_set(portal: Portal) -> None:
    url = f"{portal.browser.microsoft}/_control/tenants/{OWN}/objects"
    for path, body, status in (
        ("nothing", {}, 404),
        (POLICY.strip("/"), [], 400),
        (ACCESS.strip("/"), {}, 400),
    ):
        async with portal.browser.session.put(f"{url}/{path}", json=body) as response:
            assert response.status == status


async def test_a_report_is_downloaded_once_from_another_origin_without_the_token(
    portal: Portal, token: str
) -> None:
    session, headers = portal.browser.session, {"Authorization": f"Bearer {token}"}
    url = f"{portal.browser.microsoft}/v1.0/reports/getOffice365ActiveUserDetail(period='D30')"
    locations = []
    for _ in range(2):
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            assert response.status == 302
            locations.append(response.headers["Location"])
    assert urlsplit(locations[0]).netloc != urlsplit(portal.browser.microsoft).netloc
    async with session.get(locations[0], headers=headers) as leaked:
        assert leaked.status == 400
    for expected in (200, 404):
        async with session.get(locations[1]) as response:
            assert response.status == expected
            data = await response.read()
            assert data.startswith(b"\xef\xbb\xbfReport Refresh Date,") == (expected == 200)


async def test_each_part_of_a_batch_is_limited_on_its_own(portal: Portal, token: str) -> None:
    browser = portal.browser
    await portal.tenant(CONTOSO, pacing=True)
    parts = [{"id": str(n), "method": "GET", "url": ACCESS} for n in range(3)]
    parts.append({"id": "3", "method": "GET", "url": POLICY})
    _, answer = await graph(browser, token, "POST", "/$batch", {"requests": parts})
    await portal.tenant(CONTOSO, pacing=False)
    statuses = {part["id"]: part["status"] for part in answer["responses"]}
    assert sorted(statuses.values()) == [200, 200, 429, 429]
    refused = [part for part in answer["responses"] if part["status"] == 429]
    assert not [part for part in refused if "Retry-After" in part["headers"]]


async def test_a_batch_writes(portal: Portal, token: str) -> None:
    browser, headers = portal.browser, {"Content-Type": "application/json"}
    write = {"method": "PATCH", "url": POLICY, "headers": headers}
    parts = [
        {"id": "1", **write, "body": {"allowInvitesFrom": "none"}},
        {"id": "2", "method": "GET", "url": POLICY, "dependsOn": ["1"]},
    ]
    _, answer = await graph(browser, token, "POST", "/$batch", {"requests": parts})
    by_id = {part["id"]: part for part in answer["responses"]}
    assert by_id["1"]["status"] == 204
    assert by_id["2"]["body"]["allowInvitesFrom"] == "none"
    await drop(browser, POLICY.strip("/"))
