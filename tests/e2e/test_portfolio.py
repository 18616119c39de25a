"""Search and summary over HTTP, from what sync has stored."""

from typing import Any

from local.sample_data import SeedMsp
from tests.e2e.portal import CONTOSO, FABRIKAM, Portal, owner, role

OWN = CONTOSO.own
CUSTOMER = CONTOSO.customers[10]


async def synced(portal: Portal, tenant_id: str, msp: SeedMsp = CONTOSO) -> None:
    assert (await portal.call(owner(msp), "POST", f"/tenants/{tenant_id}/sync")).status == 202
    await portal.idle()


async def search(portal: Portal, text: str, msp: SeedMsp = CONTOSO) -> dict[str, Any]:
    reply = await portal.call(owner(msp), "GET", f"/portfolio/users?search={text}")
    assert reply.status == 200, reply
    body: dict[str, Any] = reply.body
    return body


async def all_users(portal: Portal, tenant_id: str) -> list[dict[str, Any]]:
    reply = await portal.call(owner(), "GET", f"/tenants/{tenant_id}/users?pageSize=500")
    users: list[dict[str, Any]] = reply.body["items"]
    return users


async def test_users_of_the_partner_tenant_and_of_customers_are_found_in_one_search(
    portal: Portal,
) -> None:
    own = await portal.enabled()
    await synced(portal, CUSTOMER.tenant_id)
    found = await search(portal, f"USER1.{OWN.number}@{OWN.domain}")
    (user,) = found["items"]
    (stored,) = [
        each
        for each in await all_users(portal, own["tenantId"])
        if each["userPrincipalName"] == user["userPrincipalName"]
    ]
    shown = ("id", "displayName", "userPrincipalName", "mail", "accountEnabled", "userType")
    tenant = {
        "tenantId": own["tenantId"],
        "displayName": own["displayName"],
        "is_own_msp_tenant": True,
    }
    assert user == {name: stored[name] for name in shown} | {"tenant": tenant}
    everywhere = await search(portal, "user0.")
    assert {OWN.tenant_id, CUSTOMER.tenant_id} <= {
        each["tenant"]["tenantId"] for each in everywhere["items"]
    }


async def test_a_search_without_accents_finds_names_with_them_enabled_first(portal: Portal) -> None:
    await portal.enabled()
    users = [u for u in await all_users(portal, OWN.tenant_id) if "jör" in u["displayName"]]
    assert users
    found = [
        each
        for each in (await search(portal, "bjorn"))["items"]
        if each["tenant"]["tenantId"] == OWN.tenant_id
    ]
    assert {each["id"] for each in found} == {each["id"] for each in users}
    order = [not each["accountEnabled"] for each in (await search(portal, "er"))["items"]]
    assert order == sorted(order)
    assert len(order) <= 150


async def test_changes_and_a_removal_show_and_nobody_elses_tenant_does(portal: Portal) -> None:
    await portal.enabled()
    await portal.browser.control("POST", f"/tenants/{OWN.tenant_id}/changes", {"update": 3})
    await synced(portal, OWN.tenant_id)
    changed = [u for u in await all_users(portal, OWN.tenant_id) if u["displayName"][-1] == ")"]
    assert len(changed) >= 3
    for user in changed:
        found = (await search(portal, user["displayName"]))["items"]
        assert user["id"] in [each["id"] for each in found]
    await synced(portal, CUSTOMER.tenant_id)
    mine = await search(portal, f"@{CUSTOMER.domain}")
    assert {each["tenant"]["tenantId"] for each in mine["items"]} == {CUSTOMER.tenant_id}
    theirs = await search(portal, f"@{CUSTOMER.domain}", FABRIKAM)
    assert theirs["items"] == []
    assert CUSTOMER.tenant_id not in [each["tenantId"] for each in theirs["failedTenants"]]
    assert (await portal.call(owner(), "POST", "/my-tenant/disable")).status == 200
    assert (await search(portal, f"@{OWN.domain}"))["items"] == []


async def test_an_offboarded_tenant_is_left_out_until_it_comes_back(portal: Portal) -> None:
    path = f"/tenants/{CUSTOMER.tenant_id}"
    await synced(portal, CUSTOMER.tenant_id)
    text = f"@{CUSTOMER.domain}"
    assert (await search(portal, text))["items"] != []
    assert (await portal.call(owner(), "POST", f"{path}/offboard")).status == 200
    assert (await search(portal, text))["items"] == []
    summary = await portal.call(owner(), "GET", "/portfolio/summary")
    assert CUSTOMER.tenant_id not in [each["tenantId"] for each in summary.body["tenants"]]
    assert (await portal.call(owner(), "POST", f"{path}/reactivate")).status == 200
    assert (await search(portal, text))["items"] != []
    await portal.idle()


async def test_the_summary_is_what_the_synced_records_add_up_to(portal: Portal) -> None:
    await portal.enabled()
    await synced(portal, CUSTOMER.tenant_id)
    for scope in ("all", "customers", "partner"):
        reply = await portal.call(owner(), "GET", f"/portfolio/summary?scope={scope}")
        assert reply.status == 200, reply
        tenants = {each["tenantId"]: each for each in reply.body["tenants"]}
        assert (OWN.tenant_id in tenants) == (scope != "customers")
        assert (CUSTOMER.tenant_id in tenants) == (scope != "partner")
        total = reply.body["total"]
        for figure in ("users", "enabledUsers", "licencesBought", "licencesAssigned"):
            assert total[figure] == sum(each[figure] or 0 for each in tenants.values())
        by_state = [each["conditionalAccess"]["enabled"] or 0 for each in tenants.values()]
        assert total["conditionalAccess"]["enabled"] == sum(by_state)
        for tenant_id in {OWN.tenant_id, CUSTOMER.tenant_id} & tenants.keys():
            await _check_figures(portal, tenants[tenant_id])
    assert (await portal.call(role("viewer"), "GET", "/portfolio/summary")).status == 200


async def _check_figures(portal: Portal, figures: dict[str, Any]) -> None:
    async def items(what: str) -> list[dict[str, Any]]:
        path = f"/tenants/{figures['tenantId']}/{what}?pageSize=500"
        records: list[dict[str, Any]] = (await portal.call(owner(), "GET", path)).body["items"]
        return records

    users, licences = await items("users"), await items("licences")
    licences = [each for each in licences if each["skuPartNumber"] != "FLOW_FREE"]
    newest, policies = (await items("secure-scores"))[0], await items("conditional-access-policies")
    states = [policy["state"] for policy in policies]
    assert figures["users"] == len(users)
    assert figures["enabledUsers"] == sum(user["accountEnabled"] for user in users)
    assert figures["licencesBought"] == sum(each["prepaidUnits"]["enabled"] for each in licences)
    assert figures["licencesAssigned"] == sum(each["consumedUnits"] for each in licences)
    assert figures["secureScore"] == newest["currentScore"]
    assert figures["secureScoreMax"] == newest["maxScore"]
    assert figures["conditionalAccess"] == {
        "enabled": states.count("enabled"),
        "disabled": states.count("disabled"),
        "reportOnly": states.count("enabledForReportingButNotEnforced"),
    }
    assert figures["syncedAt"] is not None


async def test_a_query_of_one_character_names_its_field(portal: Portal) -> None:
    reply = await portal.call(owner(), "GET", "/portfolio/users?search=%20x%20")
    assert (reply.status, reply.body["code"]) == (400, "malformed_input")
    assert [problem["path"] for problem in reply.body["errors"]] == ["search"]
