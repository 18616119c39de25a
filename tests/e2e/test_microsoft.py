"""The simulated Microsoft is strict where the real one is."""

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest

from domain.gdap import ROLES
from local.browser import Browser
from local.sample_data import CONTOSO, PERMISSIONS, STRANGER
from local.stack import Stack
from tests.e2e.portal import Portal

OWN = CONTOSO.own.tenant_id


@pytest.fixture
async def token(portal: Portal, stack: Stack) -> str:
    """An app-only token for Graph in contoso's own tenant."""
    return await token_with(portal, stack, *PERMISSIONS)


async def token_with(portal: Portal, stack: Stack, *permissions: str) -> str:
    origin = f"https://localhost:{stack.ports.microsoft}"
    claims = {"roles": permissions, "idtyp": "app", "appid": CONTOSO.client_id}
    return await portal.browser.token(OWN, CONTOSO.client_id, audience=origin, claims=claims)


async def graph(
    browser: Browser, token: str, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    parts = urlsplit(path)
    url = f"{browser.microsoft}{parts.path if parts.netloc else '/v1.0' + parts.path}"
    url += f"?{parts.query}" if parts.query else ""
    headers = {"Authorization": f"Bearer {token}"}
    async with browser.session.request(method, url, json=body, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def test_users_come_in_pages_with_the_selected_properties(portal: Portal, token: str) -> None:
    seen, path = [], "/users?$top=50&$select=id,displayName"
    while path:
        status, page = await graph(portal.browser, token, "GET", path)
        assert status == 200
        assert all(set(user) == {"id", "displayName"} for user in page["value"])
        seen += [user["id"] for user in page["value"]]
        path = page.get("@odata.nextLink")
    assert len(set(seen)) == len(seen) == CONTOSO.own.users


async def test_delta_tells_of_changes_and_an_expired_link_is_gone(
    portal: Portal, token: str
) -> None:
    browser = portal.browser
    _, start = await graph(browser, token, "GET", "/users/delta?$deltatoken=latest")
    assert start["value"] == []
    counts = {"create": 1, "update": 2, "delete": 1}
    await browser.control("POST", f"/tenants/{OWN}/changes", counts)
    _, changed = await graph(browser, token, "GET", start["@odata.deltaLink"])
    removed = [user for user in changed["value"] if "@removed" in user]
    assert (len(changed["value"]), len(removed)) == (4, 1)
    await portal.tenant(CONTOSO, expireDeltaLinks=True)
    status, gone = await graph(browser, token, "GET", changed["@odata.deltaLink"])
    assert (status, gone["error"]["code"]) == (410, "syncStateNotFound")
    undone = {"create": 0, "update": 0, "delete": 0}
    await browser.control("POST", f"/tenants/{OWN}/changes", undone)


async def test_each_part_of_a_batch_has_its_own_status(portal: Portal, token: str) -> None:
    fault = {"path": "/subscribedSkus", "status": 429, "retryAfter": 3, "insideBatch": True}
    await portal.browser.control("PUT", "/faults", [fault])
    parts = [
        {"id": "1", "method": "GET", "url": "/organization"},
        {"id": "2", "method": "GET", "url": "/subscribedSkus"},
    ]
    status, answer = await graph(portal.browser, token, "POST", "/$batch", {"requests": parts})
    by_id = {part["id"]: part for part in answer["responses"]}
    assert (status, by_id["1"]["status"], by_id["2"]["status"]) == (200, 200, 429)
    assert by_id["2"]["headers"]["Retry-After"] == "3"
    doubled = {"requests": [parts[0], parts[0]]}
    assert (await graph(portal.browser, token, "POST", "/$batch", doubled))[0] == 400


async def test_graph_refuses_bad_tokens_and_missing_permissions(portal: Portal, token: str) -> None:
    assert (await graph(portal.browser, "x", "GET", "/users"))[0] == 401
    staff = await portal.browser.token(OWN, CONTOSO.client_id)
    assert (await graph(portal.browser, staff, "GET", "/users"))[0] == 401
    await portal.tenant(CONTOSO, revokedPermissions=["User.Read.All"])
    status, body = await graph(portal.browser, token, "GET", "/users")
    assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_faults_and_the_log_of_requests(portal: Portal, token: str) -> None:
    browser = portal.browser
    await browser.control("DELETE", "/requests")
    faults = [
        {"path": "/organization", "status": 503, "times": 1},
        {"path": "/organization", "disconnect": True, "times": 1},
        {"path": "/organization", "truncate": True, "times": 1},
    ]
    await browser.control("PUT", "/faults", faults)
    assert (await graph(browser, token, "GET", "/organization"))[0] == 503
    with pytest.raises(aiohttp.ClientError):
        await graph(browser, token, "POST", "/organization")
    with pytest.raises(json.JSONDecodeError):
        await graph(browser, token, "GET", "/organization")
    log = await browser.control("GET", "/requests")
    assert [entry["status"] for entry in log] == [503, 0, 200]
    assert {entry["tenantId"] for entry in log} == {OWN}
    assert not [entry for entry in log if "Authorization" in entry["headers"]]


@pytest.mark.parametrize(
    ("fault", "is_applied"),
    [
        ({"disconnect": True, "applied": True}, True),
        ({"disconnect": True}, False),
        ({"status": 504, "applied": True}, True),
        ({"status": 504}, False),
        ({"status": 429}, False),
    ],
)
async def test_a_write_whose_answer_is_lost_may_have_been_applied(
    portal: Portal, stack: Stack, token: str, fault: dict[str, Any], is_applied: bool
) -> None:
    browser, mark = portal.browser, f"{uuid4()}@example.org"
    _, page = await graph(browser, token, "GET", "/users?$top=30&$select=id")
    path = f"/users/{page['value'][20]['id']}"
    writer = await token_with(portal, stack, "User.Read.All", "User.ReadWrite.All")
    await browser.control("PUT", "/faults", [{"path": path, "method": "PATCH", **fault}])
    if "disconnect" in fault:
        with pytest.raises(aiohttp.ClientError):
            await graph(browser, writer, "PATCH", path, {"otherMails": [mark]})
    else:
        status, _ = await graph(browser, writer, "PATCH", path, {"otherMails": [mark]})
        assert status == fault["status"]
    _, shown = await graph(browser, token, "GET", f"{path}?$select=otherMails")
    assert (shown["otherMails"] == [mark]) == is_applied


async def test_gdap_relationships_are_accepted_and_terminated(portal: Portal, token: str) -> None:
    browser, path = portal.browser, "/tenantRelationships/delegatedAdminRelationships"
    roles = [{"roleDefinitionId": role} for role in ROLES.values()]
    body = {
        "displayName": uuid4().hex,
        "duration": "P30D",
        "customer": {"tenantId": STRANGER.tenant_id},
        "accessDetails": {"unifiedRoles": roles},
    }
    _, made = await graph(browser, token, "POST", path, body)
    assert made["status"] == "created"
    await graph(
        browser, token, "POST", f"{path}/{made['id']}/requests", {"action": "lockForApproval"}
    )
    statuses = []
    for action in ("accept", "terminate"):
        _, read = await graph(browser, token, "GET", f"{path}/{made['id']}")
        statuses.append(read["status"])
        await browser.control("POST", f"/gdap/{made['id']}/{action}")
    _, read = await graph(browser, token, "GET", f"{path}/{made['id']}")
    assert [*statuses, read["status"]] == ["approvalPending", "active", "terminated"]
