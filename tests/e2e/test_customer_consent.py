"""The partner app's consent at a customer, through Partner Center or by its administrator."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from adapters.tables.storage import Storage
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId
from local.stack import PORTAL, Stack
from ops.customers import change_capabilities, consent_progress
from tests.e2e.portal import CONTOSO, FABRIKAM, Portal, owner, role


@pytest.fixture
async def customer(portal: Portal) -> AsyncIterator[str]:
    """A customer that has accepted, and that Partner Center does not list."""
    tenant_id = str(uuid4())
    for msp in (CONTOSO, FABRIKAM):
        await portal.consented(msp)
    key = await invited(portal, tenant_id)
    await portal.browser.control("POST", f"/gdap/{key}/accept", {})
    await listed(portal, tenant_id, is_listed=False)
    for _ in range(2):  # Microsoft activates the access only after the first poll.
        await portal.fire("poll_gdap_relationships")
        await portal.idle()
    yield tenant_id
    await portal.call(owner(), "DELETE", f"/tenants/{tenant_id}")
    await portal.idle()


async def invited(portal: Portal, tenant_id: str) -> str:
    body = {"tenantId": tenant_id, "displayName": "Relecloud"}
    return str((await portal.call(owner(), "POST", "/gdap/invites", body)).body["relationshipId"])


async def listed(portal: Portal, tenant_id: str, *, is_listed: bool) -> None:
    options = {"listedInPartnerCenter": is_listed}
    await portal.browser.control("PUT", f"/tenants/{tenant_id}", options)


async def shown(portal: Portal, tenant_id: str) -> Any:
    return (await portal.call(owner(), "GET", f"/tenants/{tenant_id}")).body


async def link_of(portal: Portal, customer: str) -> str:
    trouble = (await shown(portal, customer))["connectionTrouble"]
    reply = await portal.call(owner(), "POST", trouble["consentLink"])
    assert reply.status == 201
    return str(reply.body["consentUrl"])


async def test_a_refusal_shows_until_the_customers_administrator_consents_by_a_link(
    portal: Portal, customer: str
) -> None:
    tenant = await shown(portal, customer)
    trouble = tenant["connectionTrouble"]
    assert (trouble["code"], trouble["reason"]) == ("consent_required", "customer_not_listed")
    assert "administrator of the customer" in trouble["advice"]
    assert tenant["sync"]["state"] == "pending"
    page = await link_of(portal, customer)
    assert urlsplit(page).path == f"/{customer}/v2.0/adminconsent"
    assert ".default" not in page
    location = await portal.browser.consent_callback(page)
    reply = await portal.browser.follow(location)
    assert reply.location == f"{PORTAL}/settings/graph-api?consent=enabled"
    await portal.idle()
    tenant = await shown(portal, customer)
    assert (tenant["connectionTrouble"], tenant["sync"]["state"]) == (None, "succeeded")
    again = await portal.browser.follow(location)
    assert again.location.endswith("consent=invalid")
    actions = [e["action"] for e in await portal.events() if e["tenantId"] == customer]
    assert actions.count("consent.completed") == actions.count("consent.refused") == 1


async def test_a_link_abused_changes_nothing(portal: Portal, customer: str) -> None:
    stranger = CONTOSO.customers[0].tenant_id
    for changes in (
        {"tenant": stranger},
        {"tenant": CONTOSO.own.tenant_id},
        {"error": "access_denied"},
    ):
        state = parse_qs(urlsplit(await link_of(portal, customer)).query)["state"][0]
        query = {"tenant": customer, "admin_consent": "True", "state": state, **changes}
        outcome = await portal.callback("&".join(f"{k}={v}" for k, v in query.items()))
        assert outcome in {"tenant_mismatch", "declined"}
        assert await portal.callback(f"tenant={customer}&admin_consent=True&state={state}") == (
            "invalid"
        )
    assert (await shown(portal, customer))["connectionTrouble"] is not None


async def test_who_may_make_a_link(portal: Portal, customer: str) -> None:
    path = f"/tenants/{customer}/consent-link"
    for name, status in (("msp_admin", 201), ("l3", 403), ("viewer", 403)):
        assert (await portal.call(role(name), "POST", path)).status == status
    assert (await portal.call(owner(FABRIKAM), "POST", path)).status == 404
    own = await portal.enabled()
    reply = await portal.call(owner(), "POST", f"/tenants/{own['tenantId']}/consent-link")
    assert (reply.status, reply.body["code"]) == (409, "invalid_status")


async def test_operators_see_how_far_the_consents_are(customer: str, stack: Stack) -> None:
    storage = Storage.connect(stack.storage)
    try:
        progress = await consent_progress(storage.msps, MspId(CONTOSO.msp_id))
    finally:
        await storage.close()
    assert progress["customers"] == progress["consented"] + 1
    assert [refused["tenantId"] for refused in progress["refused"]] == [customer]


async def test_a_chosen_capability_is_consented_to_in_all_customers_tenants(
    portal: Portal, stack: Stack
) -> None:
    await portal.consented(FABRIKAM)
    without = [customer.tenant_id for customer in FABRIKAM.customers[1:]]
    for tenant_id in without:
        await portal.browser.control("PUT", f"/tenants/{tenant_id}", {"consented": False})
    await portal.browser.control("DELETE", "/requests")
    storage = Storage.connect(stack.storage)
    msp_id = MspId(FABRIKAM.msp_id)

    listed = await portal.call(owner(FABRIKAM), "GET", "/tenants?scope=customers&status=active")
    customers = len(listed.body["items"])  # other tests may have removed some

    async def choose(*names: str) -> dict[str, Any]:
        await change_capabilities(storage.msps, msp_id, names, Cause(SYSTEM, portal.began, "r"))
        before = await consent_progress(storage.msps, msp_id)
        assert (before["pending"], before["refused"]) == (customers, [])
        await portal.fire("poll_gdap_relationships")
        await portal.idle()
        return await consent_progress(storage.msps, msp_id)

    try:
        after = await choose("users")
        assert (after["requiredVersion"][-6:], after["consented"]) == ("+users", customers)
        asked = await portal.browser.control("GET", "/requests")
        given = {a["path"].split("/")[4] for a in asked if a["path"].endswith("consents")}
        assert given >= {t["tenantId"] for t in listed.body["items"]} & set(without)
        reply = await portal.call(owner(FABRIKAM), "GET", "/tenants?scope=customers")
        assert {t["sync"]["state"] for t in reply.body["items"]} == {"succeeded"}
    finally:
        assert (await choose())["consented"] == customers
        await storage.close()
