"""A customer from invite to end, from the view of two MSPs and the customer's admin."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from local.sample_data import SeedMsp
from tests.e2e.portal import CONTOSO, FABRIKAM, Portal, owner


@pytest.fixture
async def customer(portal: Portal) -> AsyncIterator[str]:
    """A tenant that nobody manages before and after the test."""
    tenant_id = str(uuid4())
    for msp in (CONTOSO, FABRIKAM):
        await portal.consented(msp)
    yield tenant_id
    await portal.tenant(CONTOSO, serviceAccountGroups=[CONTOSO.security_group])
    for msp in (CONTOSO, FABRIKAM):
        await portal.call(owner(msp), "DELETE", f"/tenants/{tenant_id}")
    await portal.idle()


async def invited(portal: Portal, customer: str, msp: SeedMsp = CONTOSO) -> str:
    body = {"tenantId": customer, "displayName": "Relecloud"}
    reply = await portal.call(owner(msp), "POST", "/gdap/invites", body)
    assert reply.status == 201, reply
    return str(reply.body["relationshipId"])


async def polled(portal: Portal) -> None:
    await portal.fire("poll_gdap_relationships")
    await portal.idle()


async def accepted(portal: Portal, customer: str, msp: SeedMsp = CONTOSO) -> str:
    key = await invited(portal, customer, msp)
    await portal.browser.control("POST", f"/gdap/{key}/accept", {})
    # Microsoft activates the access only after the request, so the poll runs again.
    await polled(portal)
    await polled(portal)
    return key


async def shown(portal: Portal, customer: str, msp: SeedMsp = CONTOSO) -> Any:
    return (await portal.call(owner(msp), "GET", f"/tenants/{customer}")).body


async def test_a_customer_accepts_is_synced_ends_it_and_comes_back(
    portal: Portal, customer: str
) -> None:
    key = await accepted(portal, customer)
    active = await shown(portal, customer)
    assert (active["status"], active["connection"]) == ("active", "gdap")
    assert (active["sync"]["state"], active["connectionLost"]) == ("succeeded", None)
    assert active["primaryDomain"] is not None
    users = await portal.call(owner(), "GET", f"/tenants/{customer}/users")
    assert len(users.body["items"]) == 10
    listed = await portal.call(owner(), "GET", "/gdap/invites?pageSize=500")
    (mine,) = [item for item in listed.body["items"] if item["tenantId"] == customer]
    assert (mine["status"], mine["relationshipId"]) == ("active", key)

    await portal.browser.control("POST", f"/gdap/{key}/terminate", {})
    await polled(portal)
    lost = await shown(portal, customer)
    assert (lost["status"], lost["connectionLost"]["reason"]) == ("active", "terminated")
    assert "Invite the customer again" in lost["connectionLost"]["advice"]
    refused = await portal.call(owner(), "POST", f"/tenants/{customer}/sync")
    assert (refused.status, refused.body["code"]) == (409, "invalid_status")
    kept = await portal.call(owner(), "GET", f"/tenants/{customer}/users")
    assert kept.body == users.body

    await accepted(portal, customer)
    assert (await shown(portal, customer))["connectionLost"] is None
    actions = [e["action"] for e in await portal.events() if e["tenantId"] == customer]
    assert actions.count("gdap.accepted") == actions.count("gdap.lost") == 1
    assert actions.count("gdap.reconnected") == 1


async def test_what_microsoft_refuses_shows_on_the_customer_with_what_to_do(
    portal: Portal, customer: str
) -> None:
    await accepted(portal, customer)

    async def errors() -> dict[str, Any]:
        await portal.call(owner(), "POST", f"/tenants/{customer}/sync")
        await portal.idle()
        data_sets = (await shown(portal, customer))["sync"]["dataSets"]
        return {found["name"]: found["error"] for found in data_sets if found["error"]}

    await portal.tenant(CONTOSO, serviceAccountGroups=[])
    assert "security group that has access" in (await errors())["users"]
    await portal.tenant(CONTOSO, serviceAccountGroups=[CONTOSO.security_group])
    path = f"/tenants/{customer}"
    await portal.browser.control("PUT", path, {"gdapRoles": ["License Administrator"]})
    lacking = await errors()
    assert set(lacking) == {"secureScore", "conditionalAccessPolicies"}
    assert "the role Security Reader" in lacking["secureScore"]
    await portal.browser.control("PUT", path, {"gdapRoles": ["Global Reader"]})
    assert await errors() == {}


async def test_nothing_that_one_msp_does_with_a_shared_customer_shows_at_the_other(
    portal: Portal, customer: str
) -> None:
    contosos = await accepted(portal, customer)
    await accepted(portal, customer, FABRIKAM)

    async def theirs() -> list[Any]:
        paths = (
            f"/tenants/{customer}",
            f"/tenants/{customer}/users",
            f"/tenants/{customer}/licences",
            f"/tenants/{customer}/secure-scores",
            f"/tenants/{customer}/conditional-access-policies",
            "/portfolio/users?search=user",
            "/portfolio/summary",
            "/tenants?pageSize=500",
            "/gdap/invites?pageSize=500",
            "/audit-events?pageSize=500",
            "/billing/preview",
        )
        replies = [await portal.call(owner(FABRIKAM), "GET", path) for path in paths]
        assert {reply.status for reply in replies} == {200}
        return [reply.body for reply in replies]

    before = await theirs()
    for body in ({"notes": "ours"}, {"displayName": "Ours"}):
        await portal.call(owner(), "PATCH", f"/tenants/{customer}", body)
    for step in ("suspend", "resume", "sync", "offboard", "reactivate"):
        await portal.call(owner(), "POST", f"/tenants/{customer}/{step}")
        await portal.idle()
        assert await theirs() == before, step
    await portal.browser.control("POST", f"/gdap/{contosos}/terminate", {})
    await polled(portal)
    assert (await shown(portal, customer))["connectionLost"] is not None
    assert await theirs() == before
    assert (await portal.call(owner(), "DELETE", f"/tenants/{customer}")).status == 204
    await portal.idle()
    await polled(portal)
    assert await theirs() == before


async def test_a_hard_delete_is_not_undone_by_a_relationship_that_still_stands(
    portal: Portal, customer: str
) -> None:
    await accepted(portal, customer)
    assert (await portal.call(owner(), "DELETE", f"/tenants/{customer}")).status == 204
    await portal.idle()
    await polled(portal)
    assert (await portal.call(owner(), "GET", f"/tenants/{customer}")).status == 404
