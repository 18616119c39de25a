import asyncio
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from local.sample_data import fixed_id
from tests.e2e.portal import CONTOSO, FABRIKAM, Portal, owner, role

CUSTOMER = CONTOSO.customers[2].tenant_id
SHARED = CONTOSO.customers[0].tenant_id


async def test_lists_page_with_opaque_tokens_that_fit_no_other_list(portal: Portal) -> None:
    seen: list[str] = []
    link = "/tenants?pageSize=7&scope=customers"
    while link:
        page = await portal.call(owner(), "GET", link)
        seen += [item["tenantId"] for item in page.body["items"]]
        link, last = page.body["nextLink"], link
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) >= 17
    token = last.rpartition("pageToken=")[2]
    for path in ("/staff", "/audit-events"):
        other = await portal.call(owner(), "GET", f"{path}?pageToken={token}")
        assert (other.status, other.body["code"]) == (400, "malformed_input")
    foreign = await portal.call(owner(FABRIKAM), "GET", f"/tenants?pageToken={token}")
    assert foreign.status == 400


async def test_an_edit_is_guarded_by_if_match(portal: Portal) -> None:
    path = f"/tenants/{CUSTOMER}"
    read = await portal.call(owner(), "GET", path)
    etag = read.headers["ETag"]
    assert etag == read.body["etag"]
    body = {"displayName": "Tailspin Toys Pty Ltd", "notes": "VIP"}
    edited = await portal.browser.call(owner(), "PATCH", path, body, {"If-Match": etag})
    assert (edited.status, edited.body["displayName"]) == (200, "Tailspin Toys Pty Ltd")
    stale = await portal.browser.call(owner(), "PATCH", path, body, {"If-Match": etag})
    assert (stale.status, stale.body["code"]) == (412, "stale_version")
    preview = await portal.call(owner(), "GET", "/billing/preview")
    assert "Tailspin Toys Pty Ltd" in [line["tenantName"] for line in preview.body["lines"]]


async def test_hard_delete_of_a_customer_leaves_its_usage_and_its_audit_events(
    portal: Portal,
) -> None:
    customer = CONTOSO.customers[5].tenant_id
    await portal.call(owner(), "POST", f"/tenants/{customer}/sync")
    await portal.idle()
    synced = await portal.call(owner(), "GET", f"/tenants/{customer}")
    assert synced.body["sync"]["state"] == "succeeded", synced.body
    assert synced.body["connection"] == "gdap"
    before = await portal.call(owner(), "GET", "/billing/preview")
    assert (await portal.call(owner(), "DELETE", f"/tenants/{customer}")).status == 204
    assert (await portal.call(owner(), "DELETE", f"/tenants/{customer}")).status == 404
    await portal.idle()
    after = await portal.call(owner(), "GET", "/billing/preview")
    assert after.body["billedTenants"] == before.body["billedTenants"]
    (deleted,) = await portal.events(action="tenant.hard_delete")
    assert deleted["actor"]["oid"] == owner().oid
    assert deleted["before"]["displayName"] == "Alpine Ski House"
    (purged,) = await portal.events(action="tenant.purged")
    assert purged["before"]["users"] > 0


async def test_a_suspended_tenant_is_neither_synced_nor_resumed_twice(portal: Portal) -> None:
    path = f"/tenants/{CONTOSO.customers[6].tenant_id}"
    assert (await portal.call(owner(), "POST", f"{path}/suspend")).body["status"] == "suspended"
    again = await portal.call(owner(), "POST", f"{path}/suspend")
    assert (again.status, again.body["code"]) == (409, "invalid_status")
    assert (await portal.call(owner(), "POST", f"{path}/sync")).status == 409
    assert (await portal.call(owner(), "POST", f"{path}/resume")).body["status"] == "active"
    assert (await portal.call(owner(), "POST", f"{path}/offboard")).body["status"] == "offboarded"
    hidden = await portal.call(owner(), "GET", "/tenants?status=offboarded")
    assert len(hidden.body["items"]) == 1
    assert (await portal.call(owner(), "POST", f"{path}/reactivate")).body["status"] == "active"


async def test_a_shared_customer_is_two_rows_that_know_nothing_of_each_other(
    portal: Portal,
) -> None:
    path = f"/tenants/{SHARED}"
    body = {"notes": "only ours"}
    assert (await portal.call(owner(FABRIKAM), "PATCH", path, body)).status == 200
    assert (await portal.call(owner(), "GET", path)).body["notes"] is None
    parts = (path, f"{path}/users")
    before = [await portal.call(owner(FABRIKAM), "GET", part) for part in parts]
    await portal.call(owner(), "POST", f"{path}/sync")
    await portal.idle()
    after = [await portal.call(owner(FABRIKAM), "GET", part) for part in parts]
    assert [reply.body for reply in after] == [reply.body for reply in before]


async def test_the_due_timer_syncs_what_is_due_and_nothing_twice(portal: Portal) -> None:
    await portal.fire("sync_due_tenants")
    # A message that failed once is invisible for ten seconds before it is delivered again.
    deadline = time.monotonic() + 60
    while (await _states_of_customers(portal)) != {"succeeded"}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    await portal.idle()
    await portal.browser.control("DELETE", "/requests")
    await portal.fire("sync_due_tenants")
    await portal.idle()
    assert await portal.browser.control("GET", "/requests") == []


async def _states_of_customers(portal: Portal) -> set[str]:
    listed = await portal.call(owner(), "GET", "/tenants?pageSize=500&scope=customers")
    active = [item for item in listed.body["items"] if item["status"] == "active"]
    return {item["sync"]["state"] for item in active if item.get("connectionLost") is None}


async def test_a_data_set_that_may_not_be_read_names_its_permission_and_keeps_its_rows(
    portal: Portal,
) -> None:
    await portal.enabled()
    own = CONTOSO.own.tenant_id
    await portal.tenant(CONTOSO, revokedPermissions=["Policy.Read.All"])
    assert (await portal.call(owner(), "POST", f"/tenants/{own}/sync")).status == 202
    await portal.idle()
    tenant = await portal.partner_tenant()
    assert tenant is not None
    assert tenant["sync"]["state"] == "partial"
    policies = tenant["sync"]["dataSets"][3]
    assert policies["state"] == "not_authorised"
    assert policies["missingPermission"] == "Policy.Read.All"
    kept = await portal.call(owner(), "GET", f"/tenants/{own}/conditional-access-policies")
    assert len(kept.body["items"]) == 3


async def test_users_are_searched_by_name_and_hidden_from_viewers(portal: Portal) -> None:
    await portal.enabled()
    path = f"/tenants/{CONTOSO.own.tenant_id}/users"
    found = await portal.call(role("l1"), "GET", f"{path}?search=USER7.1@")
    assert [user["userPrincipalName"] for user in found.body["items"]] == ["user7.1@contoso.com"]
    assert (await portal.call(role("viewer"), "GET", path)).status == 403


async def test_a_gdap_invite_is_made_once_and_comes_back(portal: Portal) -> None:
    await portal.consented()
    body = {"tenantId": fixed_id("tenant/vanarsdel.com"), "displayName": "VanArsdel, Ltd."}
    first = await portal.call(owner(), "POST", "/gdap/invites", body)
    assert (first.status, first.body["status"]) == (201, "pending")
    assert first.body["inviteUrl"].endswith(first.body["relationshipId"])
    second = await portal.call(owner(), "POST", "/gdap/invites", body)
    assert (second.status, second.body) == (200, first.body)
    listed = await portal.call(owner(), "GET", "/gdap/invites")
    assert first.body in listed.body["items"]
    managed = {"tenantId": CUSTOMER, "displayName": "Tailspin Toys"}
    active = await portal.call(owner(), "POST", "/gdap/invites", managed)
    assert (active.status, active.body["status"]) == (200, "active")


async def test_a_gdap_invite_to_the_own_tenant_is_skipped_without_a_trace(portal: Portal) -> None:
    await portal.enabled()
    own = CONTOSO.own.tenant_id
    await portal.browser.control("DELETE", "/requests")
    body = {"tenantId": own.upper(), "displayName": "Contoso MSP"}
    reply = await portal.call(owner(), "POST", "/gdap/invites", body)
    assert reply.status == 200
    assert reply.body == {"status": "skipped", "reason": "own_partner_tenant", "tenantId": own}
    assert await portal.browser.control("GET", "/requests") == []
    assert await portal.events(action="gdap.") == []


async def test_the_last_owner_stays_and_admins_touch_no_owners(portal: Portal) -> None:
    path = f"/staff/{owner().tid}/{owner().oid}"
    removed = await portal.call(owner(), "DELETE", path)
    assert (removed.status, removed.body["code"]) == (409, "last_owner")
    demoted = await portal.call(owner(), "PUT", path, {"role": "l1", "name": "Me"})
    assert demoted.status == 409
    made = await portal.call(
        role("msp_admin"),
        "PUT",
        f"/staff/{owner().tid}/{fixed_id('x')}",
        {"role": "msp_owner", "name": "X"},
    )
    assert (made.status, made.body["code"]) == (403, "owner_required")
    theirs = owner(FABRIKAM)
    stolen = await portal.call(
        owner(), "PUT", f"/staff/{theirs.tid}/{theirs.oid}", {"role": "l1", "name": "X"}
    )
    assert (stolen.status, stolen.body["code"]) == (422, "foreign_person")


async def test_a_page_token_of_one_tenant_opens_no_other_ones_list(portal: Portal) -> None:
    own, other = (await portal.enabled())["tenantId"], CUSTOMER
    page = await portal.call(owner(), "GET", f"/tenants/{own}/users?pageSize=1")
    following = page.body["nextLink"]
    assert own in following
    assert (await portal.call(owner(), "GET", following)).status == 200
    unhyphenated = following.replace(own, own.replace("-", ""))
    assert (await portal.call(owner(), "GET", unhyphenated)).status == 200
    refused = await portal.call(owner(), "GET", following.replace(own, other))
    assert (refused.status, refused.body["errors"][0]["path"]) == (400, "pageToken")


async def test_nobody_learns_who_is_staff_elsewhere(portal: Portal) -> None:
    theirs, body = owner(FABRIKAM), {"role": "l1", "name": "X"}
    answers = []
    for tid, oid in (
        (theirs.tid, theirs.oid),
        (theirs.tid, fixed_id("a person of theirs who is no staff")),
        (fixed_id("a tenant that nobody knows"), fixed_id("somebody")),
    ):
        reply = await portal.call(role("msp_admin"), "PUT", f"/staff/{tid}/{oid}", body)
        assert (reply.status, reply.body["code"]) == (422, "foreign_person")
        answers.append({**reply.body, "requestId": ""})
    assert answers[0] == answers[1] == answers[2]
    # No claim is left: the MSP that signs in from that tenant can add the person.
    oid = fixed_id("a person of theirs who is no staff")
    added = await portal.call(theirs, "PUT", f"/staff/{theirs.tid}/{oid}", body)
    assert added.status == 201
    removed = await portal.call(theirs, "DELETE", f"/staff/{theirs.tid}/{oid}")
    assert removed.status == 204


async def test_the_preview_bills_every_customer_and_never_the_partner_tenant(
    portal: Portal,
) -> None:
    today = datetime.now(ZoneInfo("Australia/Sydney")).date()
    month = f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
    before = await portal.call(owner(), "GET", f"/billing/preview?month={month}")
    await portal.enabled()
    after = await portal.call(owner(), "GET", f"/billing/preview?month={month}")
    assert before.body == after.body
    assert after.body["billedTenants"] == 19
    assert after.body["subtotal"] == "741.00"
    assert after.body["gst"] == "74.10"
    assert after.body["total"] == "815.10"
