import asyncio
from collections import Counter
from typing import Any

import pytest

from local.microsoft.certificates import key_and_certificate
from local.stack import Stack
from tests.e2e.portal import CONTOSO, FABRIKAM, STRANGER, Portal, owner, role

OWN = CONTOSO.own.tenant_id


async def test_enable_creates_the_tenant_and_a_second_call_changes_nothing(portal: Portal) -> None:
    await portal.consented()
    first = await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (first.status, first.body["is_own_msp_tenant"]) == (201, True)
    second = await portal.call(role("msp_admin"), "POST", "/my-tenant/enable", {"tenantId": OWN})
    assert second.status == 200
    assert len(await portal.events(action="tenant.enabled")) == 1


async def test_enable_without_consent_asks_for_it(portal: Portal) -> None:
    reply = await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (reply.status, reply.body["code"]) == (422, "consent_required")


async def test_a_consent_that_is_behind_the_permissions_is_told(portal: Portal) -> None:
    await portal.consented()
    await portal.tenant(CONTOSO, revokedPermissions=["Policy.Read.All"])
    await portal.call(owner(), "POST", "/my-tenant/enable")
    behind = await portal.call(owner(), "GET", "/my-tenant")
    assert behind.body["permissions"]["isBehind"] is True
    await portal.tenant(CONTOSO, revokedPermissions=[])
    state = await portal.state()
    await portal.callback(f"tenant={OWN}&admin_consent=True&state={state}&scope=x")
    await portal.idle()
    now = await portal.call(owner(), "GET", "/my-tenant")
    assert now.body["permissions"] == {
        "requiredVersion": 2,
        "consentedVersion": 2,
        "isBehind": False,
    }


async def test_a_credential_that_ends_within_thirty_days_is_told(
    portal: Portal, stack: Stack
) -> None:
    file = stack.run_dir / "secrets" / CONTOSO.credential
    good = file.read_text()
    told = {}
    try:
        for days in (31, 29, -1):
            file.write_text(key_and_certificate("Contoso MSP", days))
            reply = await portal.call(role("viewer"), "GET", "/my-tenant")
            told[days] = reply.body["credential"]
    finally:
        file.write_text(good)
    assert told[31] is None
    assert [told[days]["isExpired"] for days in (29, -1)] == [False, True]
    assert told[29]["expiresAt"].endswith("Z")
    reply = await portal.call(owner(), "GET", "/my-tenant")
    assert reply.body["credential"] is None


async def test_a_token_without_roles_is_no_consent(portal: Portal) -> None:
    await portal.consented()
    await portal.tenant(CONTOSO, revokedPermissions=["Organization.Read.All"])
    reply = await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (reply.status, reply.body["code"]) == (422, "consent_required")


async def test_microsoft_that_does_not_answer_is_503_with_retry_after(portal: Portal) -> None:
    await portal.consented()
    fault = {"path": "/v1.0/organization", "status": 503, "retryAfter": 7}
    await portal.browser.control("PUT", "/faults", [fault])
    reply = await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (reply.status, reply.body["code"]) == (503, "microsoft_unavailable")
    assert reply.headers["Retry-After"] == "7"


async def test_an_organisation_that_graph_names_otherwise_is_not_enabled(portal: Portal) -> None:
    await portal.consented()
    other = {"value": [{"id": STRANGER.tenant_id, "verifiedDomains": []}]}
    fault = {"path": "/v1.0/organization", "status": 200, "body": other}
    await portal.browser.control("PUT", "/faults", [fault])
    reply = await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (reply.status, reply.body["code"]) == (502, "organization_mismatch")
    assert await portal.partner_tenant() is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"tenantId": STRANGER.tenant_id}, 403, "tenant_mismatch"),
        ({"tenantId": "contoso.com"}, 400, "malformed_input"),
        ({"tenantId": 7}, 400, "malformed_input"),
        ({"tenant": OWN}, 400, "malformed_input"),
        ([], 400, "malformed_input"),
    ],
)
async def test_a_body_that_does_not_name_the_own_tenant_is_refused(
    portal: Portal, body: Any, status: int, code: str
) -> None:
    await portal.consented()
    reply = await portal.call(owner(), "POST", "/my-tenant/enable", body)
    assert (reply.status, reply.body["code"]) == (status, code)
    assert await portal.partner_tenant() is None


async def test_disable_removes_everything_but_audit(portal: Portal) -> None:
    await portal.enabled()
    for path in ("users", "licences", "secure-scores", "conditional-access-policies"):
        found = await portal.call(owner(), "GET", f"/tenants/{OWN}/{path}")
        assert found.body["items"], path
    listed = await portal.call(owner(), "GET", f"/tenants/{OWN}/users?pageSize=500")
    users = len(listed.body["items"])
    reply = await portal.call(owner(), "POST", "/my-tenant/disable")
    assert (reply.status, reply.body) == (200, {"tenantId": OWN, "removed": True})
    assert (await portal.call(owner(), "GET", f"/tenants/{OWN}")).status == 404
    again = await portal.call(owner(), "POST", "/my-tenant/disable")
    assert (again.status, again.body["code"]) == (404, "no_partner_tenant")
    await portal.idle()
    # A purge that was postponed because the removed tenant was still being synced finds nothing.
    purged = [event["before"]["users"] for event in await portal.events(action="tenant.purged")]
    assert [count for count in purged if count] == [users]
    assert (await portal.call(owner(), "GET", "/me")).status == 200


async def test_a_tenant_that_is_enabled_again_starts_afresh(portal: Portal) -> None:
    await portal.enabled()
    await portal.call(owner(), "POST", "/my-tenant/disable")
    tenant = await portal.enabled()
    assert tenant["sync"]["state"] == "succeeded"
    assert (await portal.call(owner(), "GET", f"/tenants/{OWN}/users")).body["items"]


async def test_the_partner_tenant_shows_in_the_list_only_after_its_first_sync(
    portal: Portal,
) -> None:
    await portal.consented()
    fault = {"path": "/v1.0/users", "delaySeconds": 1.5, "times": 1}
    await portal.browser.control("PUT", "/faults", [fault])
    await portal.call(owner(), "POST", "/my-tenant/enable")
    assert (await portal.call(owner(), "GET", "/tenants?scope=partner")).body["items"] == []
    assert await portal.partner_tenant() is not None
    await portal.idle()
    listed = await portal.call(owner(), "GET", "/tenants?scope=partner")
    assert [item["badge"] for item in listed.body["items"]] == ["Partner tenant"]
    customers = await portal.call(owner(), "GET", "/tenants?scope=customers&pageSize=500")
    everybody = await portal.call(owner(), "GET", "/tenants?pageSize=500")
    assert len(everybody.body["items"]) == len(customers.body["items"]) + 1


async def test_hard_delete_suspend_and_offboard_of_the_partner_tenant_are_refused(
    portal: Portal,
) -> None:
    await portal.enabled()
    before = await portal.partner_tenant()
    reply = await portal.call(owner(), "DELETE", f"/tenants/{OWN.upper()}")
    assert reply.status == 403
    assert reply.body["error"] == "Forbidden"
    assert reply.body["message"] == (
        "Cannot hard-delete the MSP's own partner tenant. Disable via /my-tenant first."
    )
    for step in ("suspend", "offboard"):
        refused = await portal.call(owner(), "POST", f"/tenants/{OWN}/{step}")
        assert (refused.status, refused.body["code"]) == (403, "partner_tenant_protected")
    assert await portal.partner_tenant() == before


@pytest.mark.parametrize("value", [True, False, None, "yes"])
async def test_the_flag_cannot_be_edited_whatever_its_value(portal: Portal, value: Any) -> None:
    customer = CONTOSO.customers[1].tenant_id
    body = {"displayName": "New", "is_own_msp_tenant": value}
    reply = await portal.call(owner(), "PATCH", f"/tenants/{customer}", body)
    assert (reply.status, reply.body["code"]) == (400, "flag_not_editable")
    assert "/my-tenant/enable" in reply.body["message"]


async def test_fifty_enables_at_once_make_one_row_and_one_event(portal: Portal) -> None:
    await portal.consented()
    replies = await asyncio.gather(
        *(portal.call(owner(), "POST", "/my-tenant/enable") for _ in range(50))
    )
    assert Counter(reply.status for reply in replies) == {201: 1, 200: 49}
    assert len({reply.body["createdAt"] for reply in replies}) == 1
    assert len(await portal.events(action="tenant.enabled")) == 1


async def test_two_msps_know_nothing_of_each_others_partner_tenants(portal: Portal) -> None:
    await portal.enabled()
    await portal.enabled(FABRIKAM)
    seen = await portal.call(owner(FABRIKAM), "GET", f"/tenants/{OWN}")
    missing = await portal.call(owner(FABRIKAM), "GET", f"/tenants/{STRANGER.tenant_id}")
    assert seen.status == missing.status == 404
    assert {**seen.body, "requestId": ""} == {**missing.body, "requestId": ""}
