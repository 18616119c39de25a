from typing import Any

import pytest

from tests.e2e.portal import CONTOSO, FABRIKAM, STRANGER, Portal, owner, role

SCOPE = "https%3A%2F%2Fgraph.microsoft.com%2F.default"
OWN = CONTOSO.own.tenant_id


def good(state: str, tenant: str = OWN) -> str:
    return f"admin_consent=True&tenant={tenant}&scope={SCOPE}&state={state}"


async def test_the_owner_consents_and_the_tenant_shows_up_by_itself(portal: Portal) -> None:
    location = await portal.browser.consent(owner())
    assert location.endswith("/settings/graph-api?consent=enabled")
    await portal.idle()
    tenant = await portal.partner_tenant()
    assert tenant is not None
    assert tenant["badge"] == "Partner tenant"
    assert tenant["connection"] == "client_credentials"
    assert tenant["primaryDomain"] == "contoso.com"
    assert tenant["sync"]["state"] == "succeeded"
    listed = await portal.call(owner(), "GET", "/tenants?scope=partner")
    assert [item["tenantId"] for item in listed.body["items"]] == [OWN]
    users = await portal.call(owner(), "GET", f"/tenants/{OWN}/users?pageSize=500")
    assert len(users.body["items"]) == CONTOSO.own.users


async def test_a_decline_on_microsofts_page_enables_nothing(portal: Portal) -> None:
    location = await portal.browser.consent(owner(), accept=False)
    assert location.endswith("consent=declined")
    assert await portal.partner_tenant() is None
    (event,) = await portal.events(action="consent.refused")
    assert event["outcome"] == "declined"


async def test_only_an_owner_may_start_a_session(portal: Portal) -> None:
    reply = await portal.call(role("msp_admin"), "POST", "/consent/sessions")
    assert (reply.status, reply.body["code"]) == (403, "permission_missing")


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        (f"admin_consent=True&tenant={STRANGER.tenant_id}&scope={SCOPE}", "tenant_mismatch"),
        (f"admin_consent=True&tenant={FABRIKAM.own.tenant_id}&scope={SCOPE}", "tenant_mismatch"),
        (f"tenant={OWN}&scope={SCOPE}", "invalid"),
        (f"admin_consent=True&scope={SCOPE}", "invalid"),
        (f"admin_consent=True&tenant={OWN}&tenant={OWN}&scope={SCOPE}", "invalid"),
        (f"admin_consent=True&tenant={OWN},{OWN}&scope={SCOPE}", "invalid"),
        (f"admin_consent=True&admin_consent=True&tenant={OWN}&scope={SCOPE}", "invalid"),
        (f"admin_consent=True&tenant={OWN}&scope={SCOPE}&error=access_denied", "declined"),
    ],
)
async def test_a_redirect_that_is_not_microsofts_enables_nothing(
    portal: Portal, query: str, outcome: str
) -> None:
    await portal.consented()
    await portal.browser.control("PUT", f"/tenants/{STRANGER.tenant_id}", {"consented": True})
    await portal.consented(FABRIKAM)
    state = await portal.state()
    assert await portal.callback(f"{query}&state={state}") == outcome
    assert await portal.callback(good(state)) == "invalid"  # the state is used up
    assert await portal.partner_tenant() is None
    assert await portal.partner_tenant(FABRIKAM) is None
    refused = await portal.events(action="consent.refused")
    assert [event["outcome"] for event in refused] == ["invalid", outcome]


@pytest.mark.parametrize(
    "query",
    [f"admin_consent=True&tenant={OWN.upper()}&scope={SCOPE}", f"admin_consent=True&tenant={OWN}"],
)
async def test_a_redirect_in_upper_case_or_without_a_scope_is_microsofts(
    portal: Portal, query: str
) -> None:
    await portal.consented()
    assert await portal.callback(f"{query}&state={await portal.state()}") == "enabled"


async def test_a_missing_or_guessed_state_enables_nothing(portal: Portal) -> None:
    await portal.consented()
    await portal.state()
    assert await portal.callback(good("guessed")) == "invalid"
    assert await portal.callback(good("").removesuffix("&state=")) == "invalid"
    assert await portal.partner_tenant() is None
    assert await portal.events(action="consent.refused") == []


@pytest.mark.parametrize("path", ["", "&".join(f"x{n}=1" for n in range(150))])
async def test_an_odd_request_spends_its_state_all_the_same(portal: Portal, path: str) -> None:
    state = await portal.state()
    url = f"/consent/callback?error=access_denied&state={state}&{path}"
    reply = await portal.call(None, "GET", url, {"a": "body that nobody reads"})
    assert (reply.status, reply.location.rpartition("=")[2]) == (302, "declined")
    await portal.consented()
    assert await portal.callback(good(state)) == "invalid"
    refused = await portal.events(action="consent.refused")
    assert [event["outcome"] for event in refused] == ["invalid", "declined"]


@pytest.mark.parametrize("domains", [7, [7], [{"isDefault": True}], None])
async def test_an_organization_of_an_odd_shape_has_no_domain(portal: Portal, domains: Any) -> None:
    await portal.consented()
    document = {"id": OWN, "displayName": "", "verifiedDomains": domains}
    fault = {"path": "/v1.0/organization", "status": 200, "body": {"value": [document]}}
    await portal.browser.control("PUT", "/faults", [fault])
    assert await portal.callback(good(await portal.state())) == "enabled"
    tenant = await portal.partner_tenant()
    assert tenant is not None
    assert (tenant["primaryDomain"], tenant["displayName"]) == (None, OWN)


async def test_a_reused_state_enables_nothing(portal: Portal) -> None:
    await portal.consented()
    state = await portal.state()
    assert await portal.callback(good(state)) == "enabled"
    await portal.call(owner(), "POST", "/my-tenant/disable")
    assert await portal.callback(good(state)) == "invalid"
    assert await portal.partner_tenant() is None


async def test_another_msps_state_enables_nothing_for_either(portal: Portal) -> None:
    await portal.consented()
    await portal.consented(FABRIKAM)
    state = await portal.state(FABRIKAM)
    assert await portal.callback(good(state, OWN)) == "tenant_mismatch"
    assert await portal.partner_tenant() is None
    assert await portal.partner_tenant(FABRIKAM) is None
    (event,) = await portal.events(FABRIKAM, "consent.refused")
    assert event["outcome"] == "tenant_mismatch"


async def test_a_session_of_one_tenant_never_makes_another_the_partner_tenant(
    portal: Portal,
) -> None:
    await portal.browser.control("PUT", f"/tenants/{STRANGER.tenant_id}", {"consented": True})
    await portal.consented()
    state = await portal.state()
    assert await portal.callback(good(state, STRANGER.tenant_id)) == "tenant_mismatch"
    assert await portal.partner_tenant() is None
    body = {"tenantId": STRANGER.tenant_id}
    reply = await portal.call(owner(), "POST", "/my-tenant/enable", body)
    assert (reply.status, reply.body["code"]) == (403, "tenant_mismatch")


async def test_a_credential_that_entra_refuses_fails(portal: Portal) -> None:
    await portal.consented()
    body = {"error": "invalid_client", "error_codes": [7000222], "error_description": "AADSTS"}
    fault = {"method": "POST", "path": f"/{OWN}/oauth2/", "status": 401, "body": body}
    await portal.browser.control("PUT", "/faults", [fault])
    assert await portal.callback(good(await portal.state())) == "failed"
    assert await portal.partner_tenant() is None
    (event,) = await portal.events(action="consent.refused")
    assert event["outcome"] == "failed"


async def test_an_organization_that_names_another_id_fails(portal: Portal) -> None:
    await portal.consented()
    body = {"value": [{"id": STRANGER.tenant_id, "displayName": "Adatum", "verifiedDomains": []}]}
    fault = {"path": "/v1.0/organization", "status": 200, "body": body}
    await portal.browser.control("PUT", "/faults", [fault])
    assert await portal.callback(good(await portal.state())) == "failed"
    assert await portal.partner_tenant() is None


async def test_consent_that_propagates_slowly_is_met_within_the_callback(portal: Portal) -> None:
    await portal.tenant(CONTOSO, propagationSeconds=1.5)
    location = await portal.browser.consent(owner())
    assert location.endswith("consent=enabled")


async def test_a_token_that_cannot_be_had_is_pending_and_then_completed_from_the_queue(
    portal: Portal,
) -> None:
    state = await portal.state()
    assert await portal.callback(good(state)) == "pending"
    shown = await portal.call(owner(), "GET", "/my-tenant")
    assert shown.body["tenant"] is None
    assert shown.body["consent"]["state"] == "pending"
    (pending,) = await portal.events(action="consent.pending")
    assert pending["outcome"] == "pending"
    await portal.consented()
    await portal.until_partner_tenant()
    assert len(await portal.events(action="consent.completed")) == 1


async def test_a_consent_with_a_customer_row_leaves_it_to_manual_enable(portal: Portal) -> None:
    customer = FABRIKAM.customers[1].tenant_id
    await portal.browser.control("PUT", f"/tenants/{customer}", {"consented": True})
    path = f"/staff/{customer}/{STRANGER.tenant_id}"
    added = await portal.call(owner(FABRIKAM), "PUT", path, {"role": "msp_owner", "name": "Second"})
    assert added.status == 201
    token = await portal.browser.token(customer, STRANGER.tenant_id)
    bearer = {"Authorization": f"Bearer {token}"}
    started = await portal.browser.call(None, "POST", "/consent/sessions", None, bearer)
    callback = await portal.browser.consent_callback(started.body["consentUrl"])
    assert (await portal.browser.follow(callback)).location.endswith("existing_tenant")
    kept = await portal.call(owner(FABRIKAM), "GET", f"/tenants/{customer}")
    assert kept.body["is_own_msp_tenant"] is False
    converted = await portal.call(owner(FABRIKAM), "POST", "/my-tenant/enable")
    assert (converted.status, converted.body["is_own_msp_tenant"]) == (200, True)
    assert converted.body["tenantId"] == customer
    assert (await portal.call(owner(FABRIKAM), "DELETE", path)).status == 204
