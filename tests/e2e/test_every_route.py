"""Calls every route of /openapi.json; a route that is not covered here fails."""

import asyncio
import time
from typing import Any

import jwt
import pytest

from domain.roles import PERMISSIONS, Permission, Role
from local.browser import Browser, Reply
from local.sample_data import API_AUDIENCE, STRANGER_OID, fixed_id
from tests.e2e.portal import CONTOSO, FABRIKAM, STRANGER, Portal, owner, role

THEIRS = CONTOSO.customers[3].tenant_id
NOBODYS = fixed_id("tenant/of nobody")
PUBLIC = {"consent_callback", "health", "openapi"}
# A valid body for each operation that takes one.
BODIES: dict[str, dict[str, Any]] = {
    "enable_my_tenant": {},
    "edit_tenant": {"notes": "x"},
    "create_gdap_invite": {"tenantId": NOBODYS, "displayName": "X"},
    "put_staff_member": {"role": "l1", "name": "X"},
    "enable_user": {},
    "disable_user": {"reason": "x"},
    "rollback_operation": {},
}
# A query string for each operation that requires one.
QUERIES = {"search_portfolio_users": "?search=user"}
COVERED = PUBLIC | {
    "start_consent_session", "get_my_tenant", "enable_my_tenant", "disable_my_tenant",
    "list_tenants", "get_tenant", "edit_tenant", "delete_tenant", "request_tenant_sync",
    "suspend_tenant", "resume_tenant", "offboard_tenant", "reactivate_tenant", "list_users",
    "list_licences", "list_secure_scores", "list_conditional_access_policies",
    "list_data_sets", "list_capabilities",
    "list_gdap_invites", "create_gdap_invite", "preview_invoice", "list_invoices",
    "get_invoice", "get_invoice_pdf", "get_invoice_csv", "get_me", "list_staff",
    "put_staff_member", "delete_staff_member", "list_audit_events",
    "search_portfolio_users", "get_portfolio_summary", "create_consent_link",
    "enable_user", "disable_user", "list_operations", "get_operation", "approve_operation",
    "reject_operation", "cancel_operation", "rollback_operation",
}  # fmt: skip


class Operation:
    """One operation of the document."""

    def __init__(self, method: str, path: str, document: dict[str, Any]) -> None:
        self.method, self.path, self.document = method.upper(), path, document
        self.name: str = document["operationId"]

    def address(self, tenant_id: str = THEIRS, oid: str = STRANGER_OID) -> str:
        """Return the path with its parameters replaced by IDs."""
        return (
            self.path.replace("{tenantId}", tenant_id)
            .replace("{tid}", STRANGER.tenant_id)
            .replace("{oid}", oid)
            .replace("{number}", "M365-INV-0001")
            .replace("{userId}", NOBODYS)
            .replace("{operationId}", "nonsense")
        )

    async def call(self, browser: Browser, token: str | None, address: str) -> Reply:
        """Call the operation with or without a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await browser.call(None, self.method, address, BODIES.get(self.name), headers)


@pytest.fixture
async def operations(portal: Portal) -> list[Operation]:
    """Every operation of the document; HEAD is covered in test_host_rules.py."""
    document = (await portal.call(None, "GET", "/openapi.json")).body
    assert document["openapi"].startswith("3.1")
    return [
        Operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "head"
    ]


async def test_every_route_is_covered(operations: list[Operation]) -> None:
    assert {operation.name for operation in operations} == COVERED
    with_body = {o.name for o in operations if "requestBody" in o.document}
    assert with_body == set(BODIES)
    unguarded = {o.name for o in operations if "security" not in o.document}
    assert unguarded == PUBLIC


async def test_what_every_change_can_answer_and_what_a_few_routes_read_is_declared(
    operations: list[Operation],
) -> None:
    named = {operation.name: operation.document for operation in operations}
    for operation in operations:
        assert ("409" in operation.document["responses"]) is (operation.method != "GET")

    def parameters(name: str) -> set[tuple[str, str, bool]]:
        return {(p["in"], p["name"], p["required"]) for p in named[name]["parameters"]}

    redirect = ("tenant", "admin_consent", "state", "scope", "error", "error_description")
    assert parameters("consent_callback") == {("query", name, False) for name in redirect}
    assert ("header", "If-Match", False) in parameters("edit_tenant")
    assert "412" in named["edit_tenant"]["responses"]


def forged(good: str) -> dict[str, dict[str, Any]]:
    """Return the requests to the simulation for tokens that must be refused."""
    return {
        "expired": {"expiresInSeconds": -120},
        "not yet valid": {"notBeforeInSeconds": 600},
        "another audience": {"audience": fixed_id("another API")},
        "an audience among others": {"claims": {"aud": [API_AUDIENCE, "x"]}},
        "alg none": {"alg": "none"},
        "HS256 with the public key": {"alg": "HS256"},
        "an unknown key": {"kid": "unknown"},
        "another issuer": {"claims": {"iss": "https://evil.example/v2.0"}},
        "another tenant's issuer": {"claims": {"tid": STRANGER.tenant_id}},
        "version 1.0": {"claims": {"ver": "1.0"}},
        "app only": {"claims": {"idtyp": "app"}},
        "another API's scope": {"claims": {"scp": "User.Read access_as_user2"}},
        "a scope in a list": {"claims": {"scp": ["access_as_user"]}},
        "without scope": {"claims": {"scp": None, "roles": ["Everything"]}},
        "without oid": {"claims": {"oid": None}},
        "without expiry": {"claims": {"exp": None}},
    }


async def test_every_route_refuses_every_token_that_is_not_good(
    portal: Portal, operations: list[Operation]
) -> None:
    browser, me = portal.browser, owner()
    good = await browser.token(me.tid, me.oid)
    tokens: dict[str, str | None] = {"none at all": None, "not a token": "x.y.z"}
    for name, asked in forged(good).items():
        tokens[name] = await browser.token(me.tid, me.oid, **asked)
    header, _payload, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    other = jwt.encode({**claims, "oid": STRANGER_OID}, "x" * 32).split(".")[1]
    tokens["a changed payload"] = f"{header}.{other}.{signature}"
    for operation in operations:
        if operation.name in PUBLIC:
            continue
        for name, token in tokens.items():
            reply = await operation.call(browser, token, operation.address())
            assert reply.status == 401, (operation.name, name, reply)
            assert reply.headers["WWW-Authenticate"] == "Bearer"
            assert reply.body["code"] == "unauthenticated"


async def test_every_route_refuses_people_who_are_not_staff_and_roles_that_may_not(
    portal: Portal, operations: list[Operation]
) -> None:
    browser = portal.browser
    stranger = await browser.token(STRANGER.tenant_id, STRANGER_OID)
    tokens = {r: await browser.token(role(r).tid, role(r).oid) for r in Role}
    for operation in operations:
        if operation.name in PUBLIC:
            continue
        reply = await operation.call(browser, stranger, operation.address())
        assert (reply.status, reply.body["code"]) == (403, "not_staff"), operation.name
        permission = Permission(operation.document["x-permission"])
        for name, token in tokens.items():
            if permission not in PERMISSIONS[name]:
                reply = await operation.call(browser, token, operation.address())
                assert (reply.status, reply.body["code"]) == (403, "permission_missing"), (
                    operation.name,
                    name,
                )


async def test_another_msps_tenant_is_the_same_as_one_that_does_not_exist(
    portal: Portal, operations: list[Operation]
) -> None:
    browser, theirs = portal.browser, owner(FABRIKAM)
    token = await browser.token(theirs.tid, theirs.oid)
    own = await portal.enabled()
    walked = 0
    for operation in operations:
        if "{tenantId}" not in operation.path:
            continue
        walked += 1
        missing = await operation.call(browser, token, operation.address(NOBODYS))
        malformed = await operation.call(browser, token, operation.address("nonsense"))
        for known in (THEIRS, own["tenantId"]):
            reply = await operation.call(browser, token, operation.address(known))
            assert reply.status == missing.status == malformed.status == 404, operation.name
            assert {**reply.body, "requestId": ""} == {**missing.body, "requestId": ""}
            assert {**reply.body, "requestId": ""} == {**malformed.body, "requestId": ""}
    assert walked >= 12
    assert (await portal.call(owner(), "GET", f"/tenants/{THEIRS}")).body["notes"] is None


async def test_nothing_of_one_msp_shows_in_a_list_of_another(
    portal: Portal, operations: list[Operation]
) -> None:
    await portal.enabled()
    secrets = {CONTOSO.own.tenant_id, CONTOSO.msp_id, THEIRS, *(s.oid for s in CONTOSO.staff)}
    for operation in operations:
        if operation.method == "GET" and "{" not in operation.path and operation.name not in PUBLIC:
            path = operation.path + QUERIES.get(operation.name, "")
            reply = await portal.call(owner(FABRIKAM), "GET", path)
            assert reply.status == 200, operation.name
            assert not [secret for secret in secrets if secret in str(reply.body)], operation.name


async def test_another_msps_staff_is_the_same_as_nobody(portal: Portal) -> None:
    theirs = owner()
    known = await portal.call(owner(FABRIKAM), "DELETE", f"/staff/{theirs.tid}/{theirs.oid}")
    missing = await portal.call(owner(FABRIKAM), "DELETE", f"/staff/{theirs.tid}/{NOBODYS}")
    assert known.status == missing.status == 404
    assert {**known.body, "requestId": ""} == {**missing.body, "requestId": ""}


async def test_every_answer_has_our_request_id_and_errors_have_one_shape(portal: Portal) -> None:
    for method, path, status in (
        ("GET", "/me", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/my-tenant", 405),
        ("GET", "/tenants?pageSize=0", 400),
        ("GET", "/tenants?pageSize=1&pageSize=2", 400),
        ("GET", "/tenants?unknown=1", 400),
        ("GET", "/portfolio/users", 400),
        ("GET", "/portfolio/users?search=%20a%20", 400),
        ("GET", "/portfolio/summary?scope=everything", 400),
        ("GET", "/MY-TENANT", 200),
    ):
        reply = await portal.call(owner(), method, path, **{"x-request-id": "theirs"})
        assert reply.status == status, path
        assert reply.headers["x-request-id"] != "theirs"
        if status >= 400:
            assert reply.body["statusCode"] == status
            assert reply.body["requestId"] == reply.headers["x-request-id"]
    allowed = await portal.call(owner(), "PUT", "/tenants/x")
    assert allowed.headers["Allow"] == "DELETE, GET, HEAD, PATCH"


async def test_a_body_over_the_limit_is_413_and_one_that_is_not_json_is_400(
    portal: Portal,
) -> None:
    browser, me = portal.browser, owner()
    headers = {"Authorization": f"Bearer {await browser.token(me.tid, me.oid)}"}
    url = f"{browser.api}/tenants/{THEIRS}"
    for data, status in ((b"x" * (256 * 1024 + 1), 413), (b"{", 400), (b"NaN", 400), (b"", 400)):
        async with browser.session.patch(url, data=data, headers=headers) as response:
            assert response.status == status


async def test_a_rotated_signing_key_is_met_without_a_restart(portal: Portal) -> None:
    await portal.browser.control("POST", "/keys/rotate")
    me = owner()
    headers = {"Authorization": f"Bearer {await portal.browser.token(me.tid, me.oid)}"}
    deadline = time.monotonic() + 10  # unknown keys are requested at most once in five seconds
    while (await portal.browser.call(None, "GET", "/me", None, headers)).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
