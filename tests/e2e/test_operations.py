"""Changing users: through the API, at the simulated Microsoft, and in the ledger."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from local.browser import Browser, Reply
from local.sample_data import CONTOSO, FABRIKAM, SeedStaff
from tests.e2e.portal import Portal, owner, role

OWN, CUSTOMER = CONTOSO.own.tenant_id, CONTOSO.customers[0].tenant_id

# The first people of a tenant hold Entra roles.
_NUMBER = re.compile(r"user(\d+)\.")


def _rank(user: dict[str, Any]) -> int:
    found = _NUMBER.match(user["userPrincipalName"])
    return int(found[1]) if found else 0


class Users:
    """The users of a tenant, as staff change them and as Microsoft has them."""

    def __init__(self, portal: Portal, tenant_id: str) -> None:
        self.portal, self.tenant_id = portal, tenant_id

    async def listed(self) -> list[dict[str, Any]]:
        """Return the users that sync has stored, whom no role protects."""
        path = f"/tenants/{self.tenant_id}/users?pageSize=500"
        items: list[dict[str, Any]] = (await self.portal.call(owner(), "GET", path)).body["items"]
        return items

    async def plain(self) -> dict[str, Any]:
        """Return an enabled user of the cloud."""
        return next(
            user
            for user in await self.listed()
            if user["accountEnabled"]
            and user["userType"] == "Member"
            and not user.get("onPremisesSyncEnabled")
            and _rank(user) > 20
        )

    async def change(
        self,
        user: str,
        action: str,
        by: SeedStaff | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Reply:
        path = f"/tenants/{self.tenant_id}/users/{user}/{action}"
        headers = {"Idempotency-Key": key} if key else {}
        return await self.portal.call(by or owner(), "POST", path, body, **headers)

    async def ended(self, asked: Reply) -> str:
        """Return the state of an operation once it is finished."""
        path, deadline = f"/operations/{asked.body['operationId']}", time.monotonic() + 30
        while time.monotonic() < deadline:
            operation = (await self.portal.call(owner(), "GET", path)).body
            if operation["finishedAt"]:
                return str(operation["state"])
            await asyncio.sleep(0.1)
        raise AssertionError("the operation does not end")

    async def faults(self, *faults: dict[str, Any]) -> None:
        """Set faults of Microsoft's."""
        await self.portal.browser.control("PUT", "/faults", list(faults))

    async def patches(self) -> list[dict[str, Any]]:
        log = await self.portal.browser.control("GET", "/requests")
        return [entry for entry in log if entry["method"] == "PATCH"]


@pytest.fixture
async def own(portal: Portal) -> Users:
    """The partner tenant."""
    await portal.enabled()
    return Users(portal, OWN)


@pytest.fixture
async def customer(portal: Portal, browser: Browser) -> AsyncIterator[Users]:
    """A customer whose relationship is active, synced."""
    await portal.call(owner(), "POST", f"/tenants/{CUSTOMER}/sync")
    await portal.idle()
    yield Users(portal, CUSTOMER)
    await browser.control("PUT", "/faults", [])


async def stored(users: Users, user_id: str) -> bool:
    """Return whether a user is enabled as the lists show it, before any sync."""
    listed = next(user for user in await users.listed() if user["id"] == user_id)
    search = f"/portfolio/users?search={quote(listed['userPrincipalName'])}"
    found = (await users.portal.call(owner(), "GET", search)).body["items"]
    (shown,) = {user["accountEnabled"] for user in found if user["id"] == user_id}
    assert shown == listed["accountEnabled"]
    return bool(shown)


@pytest.mark.parametrize("tenant_id", [OWN, CUSTOMER], ids=["partner tenant", "customer"])
async def test_a_user_is_disabled_and_enabled(own: Users, customer: Users, tenant_id: str) -> None:
    users = own if tenant_id == OWN else customer
    portal, user = users.portal, await users.plain()
    before = len(await users.patches())
    reply = await users.change(user["userPrincipalName"], "disable", body={"reason": "Left"})
    assert reply.status == 200, reply
    done = reply.body
    assert (done["state"], done["kind"], done["userId"]) == (
        "succeeded",
        "disable-user",
        user["id"],
    )
    assert done["before"] == {"id": user["id"], "accountEnabled": True}
    assert done["result"] == {"id": user["id"], "accountEnabled": False, "changed": True}
    assert done["requestedBy"]["oid"] == owner().oid
    assert not await stored(users, user["id"])
    again = await users.change(user["id"], "disable")
    assert again.body["result"]["changed"] is False
    assert len(await users.patches()) == before + 1
    back = await portal.call(owner(), "POST", f"/operations/{done['operationId']}/rollback")
    assert (back.status, back.body["rollsBack"]) == (200, done["operationId"])
    assert await stored(users, user["id"])
    twice = await portal.call(owner(), "POST", f"/operations/{done['operationId']}/rollback")
    assert (twice.status, twice.body["code"]) == (409, "changed_meanwhile")
    events = await portal.events(action="operation.")
    assert {event["action"] for event in events} == {
        "operation.requested",
        "operation.succeeded",
        "operation.failed",
    }
    assert {event["tenantId"] for event in events} == {users.tenant_id}


async def test_the_same_key_twice_at_once_is_one_operation(own: Users) -> None:
    user, before = await own.plain(), len(await own.patches())
    key = "of-this-test"
    first, second = await asyncio.gather(
        *(own.change(user["id"], "disable", key=key) for _ in range(2))
    )
    assert first.body["operationId"] == second.body["operationId"]
    assert len(await own.patches()) == before + 1
    again = await own.change(user["id"], "disable", key=key)
    assert (again.status, again.body["state"]) == (200, "succeeded")
    other = await own.change(user["id"], "enable", key=key)
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")
    bad = await own.change(user["id"], "enable", key="with blanks")
    assert (bad.status, bad.body["code"]) == (400, "malformed_input")
    assert (await own.change(user["id"], "enable")).status == 200


async def test_an_answer_that_is_lost_is_looked_for(own: Users) -> None:
    user, before = await own.plain(), len(await own.patches())
    fault = {"path": "/users/", "method": "PATCH", "status": 504, "applied": True, "times": 1}
    await own.faults(fault)
    reply = await own.change(user["id"], "disable")
    assert (reply.status, reply.body["state"]) == (200, "succeeded")
    assert len(await own.patches()) == before + 1
    fault = {"path": "/users/", "method": "PATCH", "status": 504, "times": 1}
    await own.faults(fault)
    reply = await own.change(user["id"], "enable")
    assert (reply.status, reply.body["state"]) == (202, "running")
    assert await own.ended(reply) == "succeeded"


async def test_a_throttled_operation_goes_on_from_the_queue(own: Users) -> None:
    user = await own.plain()
    fault = {"path": "/users/", "method": "PATCH", "status": 429, "retryAfter": 1, "times": 1}
    await own.faults(fault)
    reply = await own.change(user["id"], "disable")
    assert (reply.status, reply.body["state"]) == (202, "running")
    waiting = await own.change(user["id"], "enable")
    assert (waiting.status, waiting.body["state"]) == (202, "requested")
    for operation in (reply, waiting):
        assert await own.ended(operation) == "succeeded"
    assert await stored(own, user["id"])


async def test_refusals_have_their_codes(own: Users) -> None:
    portal, user = own.portal, await own.plain()
    for name in ("nobody@contoso.com", "nobody%23EXT%23@contoso.com", "delta", "$count", "x" * 400):
        nobody = await own.change(name, "disable")
        assert (nobody.status, nobody.body["code"]) == (404, "user_not_found"), name
    for name in ("a%23b", "a%3Fb", "a%5Cb", "%C3%A9"):
        missing = await portal.call(owner(), "GET", f"/operations/{name}")
        assert (missing.status, missing.body["code"]) == (404, "operation_not_found"), name
    l2 = await own.change(user["id"], "disable", role("l2"))
    assert (l2.status, l2.body["code"]) == (403, "permission_missing")
    for permission in ("User.EnableDisableAccount.All", "RoleManagement.Read.Directory"):
        await portal.tenant(CONTOSO, revokedPermissions=[permission])
        await portal.call(owner(), "POST", "/my-tenant/disable")
        await portal.enabled()  # with a fresh token
        lacking = await own.change(user["id"], "disable")
        assert (lacking.status, lacking.body["code"]) == (422, "consent_required")
        assert permission in lacking.body["message"]
    await portal.tenant(CONTOSO, revokedPermissions=[])
    fault = {"path": "/users/", "method": "PATCH", "status": 403, "times": 1}
    await own.faults(fault)
    refused = await own.change(user["id"], "disable")
    assert (refused.status, refused.body["code"]) == (502, "microsoft_error")
    assert "Authorization_RequestDenied" in refused.body["message"]


@pytest.fixture
async def hold_roles(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Makes the users of these IDs the only ones of the partner tenant who hold a role."""
    path = f"/tenants/{OWN}/objects/roleManagement/directory/roleAssignments"
    admin = {"roleDefinitionId": "62e90394-69f5-4237-9190-012177145e10", "directoryScopeId": "/"}

    async def put(*user_ids: str) -> None:
        held = [{"id": f"a-{n}", "principalId": key, **admin} for n, key in enumerate(user_ids)]
        await browser.control("PUT", path, held)

    yield put
    await browser.control("DELETE", path)


async def test_the_last_administrator_and_who_holds_a_role_are_guarded(
    own: Users, hold_roles: Callable[..., Awaitable[None]]
) -> None:
    user = await own.plain()
    first = min(await own.listed(), key=_rank)
    await hold_roles(user["id"])
    l3 = await own.change(user["id"], "disable", role("l3"))
    assert (l3.status, l3.body["code"]) == (403, "permission_missing")
    last = await own.change(user["id"], "disable", body={"override": True, "reason": "x"})
    assert (last.status, last.body["code"]) == (409, "protected")
    assert last.body["reasons"] == ["last_global_admin"]
    await hold_roles(user["id"], first["id"])
    refused = await own.change(user["id"], "disable")
    assert (refused.status, refused.body["code"]) == (403, "privileged_user")
    assert await stored(own, user["id"])


async def test_another_person_approves_and_anybody_may_cancel(own: Users) -> None:
    portal, user = own.portal, await own.plain()
    asked = await own.change(user["id"], "disable", body={"requireApproval": True})
    assert (asked.status, asked.body["state"]) == (202, "awaiting_approval")
    path = f"/operations/{asked.body['operationId']}"
    mine = await portal.call(owner(), "POST", f"{path}/approve")
    assert (mine.status, mine.body["code"]) == (403, "own_operation")
    done = await portal.call(role("l3"), "POST", f"{path}/approve")
    assert (done.status, done.body["state"]) == (200, "succeeded")
    assert done.body["decidedBy"]["oid"] == role("l3").oid
    late = await portal.call(role("l3"), "POST", f"{path}/cancel")
    assert (late.status, late.body["code"]) == (409, "invalid_operation_state")
    asked = await own.change(user["id"], "enable", body={"requireApproval": True})
    path = f"/operations/{asked.body['operationId']}"
    rejected = await portal.call(role("l3"), "POST", f"{path}/reject")
    assert rejected.body["state"] == "cancelled"
    asked = await own.change(user["id"], "enable", body={"requireApproval": True})
    path = f"/operations/{asked.body['operationId']}"
    cancelled = await portal.call(owner(), "POST", f"{path}/cancel")
    assert cancelled.body["state"] == "cancelled"
    assert (await own.change(user["id"], "enable")).status == 200


async def test_the_ledger_is_listed_and_is_no_business_of_another_msp(own: Users) -> None:
    portal, user = own.portal, await own.plain()
    done = [await own.change(user["id"], action) for action in ("disable", "enable")]
    ids = [reply.body["operationId"] for reply in reversed(done)]
    for query in ("", f"tenantId={OWN}", f"userId={user['id']}", f"tenantId={OWN.upper()}"):
        reply = await portal.call(owner(), "GET", f"/operations?pageSize=2&{query}")
        assert [item["operationId"] for item in reply.body["items"]] == ids, query
    first = await portal.call(owner(), "GET", f"/operations?pageSize=1&tenantId={OWN}")
    assert [item["operationId"] for item in first.body["items"]] == ids[:1]
    second = await portal.call(owner(), "GET", first.body["nextLink"])
    assert [item["operationId"] for item in second.body["items"]] == ids[1:]
    failed = await portal.call(owner(), "GET", f"/operations?state=failed&tenantId={OWN}")
    assert failed.body["items"] == []
    one = await portal.call(owner(), "GET", "/operations?kind=enable-user&pageSize=1")
    assert one.body["items"][0]["operationId"] == ids[0]
    theirs = await portal.call(owner(FABRIKAM), "GET", f"/operations/{ids[0]}")
    missing = await portal.call(owner(FABRIKAM), "GET", "/operations/nonsense")
    assert (theirs.status, {**theirs.body, "requestId": ""}) == (
        404,
        {**missing.body, "requestId": ""},
    )
    for action in ("cancel", "approve", "reject", "rollback"):
        reply = await portal.call(owner(FABRIKAM), "POST", f"/operations/{ids[0]}/{action}")
        assert (reply.status, reply.body["code"]) == (404, "operation_not_found")
    foreign = await portal.call(
        owner(FABRIKAM), "POST", f"/tenants/{OWN}/users/{user['id']}/disable"
    )
    assert (foreign.status, foreign.body["code"]) == (404, "tenant_not_found")
    viewer = await portal.call(role("viewer"), "GET", "/operations")
    assert viewer.status == 403


async def test_a_suspended_customer_is_not_changed(customer: Users) -> None:
    user = await customer.plain()
    await customer.portal.call(owner(), "POST", f"/tenants/{CUSTOMER}/suspend")
    try:
        reply = await customer.change(user["id"], "disable")
        assert (reply.status, reply.body["code"]) == (409, "tenant_not_manageable")
    finally:
        await customer.portal.call(owner(), "POST", f"/tenants/{CUSTOMER}/resume")
        await customer.portal.idle()


async def test_a_purge_takes_the_operations_and_leaves_the_events(own: Users) -> None:
    user = await own.plain()
    done = await own.change(user["id"], "disable", key="purged")
    await own.portal.call(owner(), "POST", "/my-tenant/disable")
    await own.portal.idle()
    path = f"/operations/{done.body['operationId']}"
    assert (await own.portal.call(owner(), "GET", path)).status == 404
    listed = await own.portal.call(owner(), "GET", f"/operations?tenantId={OWN}")
    assert listed.body["items"] == []
    assert await own.portal.events(action="operation.succeeded")
    await own.portal.enabled()
    assert (await own.change(user["id"], "enable", key="purged")).status == 200
