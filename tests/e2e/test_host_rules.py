"""The app as Microsoft's host serves it: route order, HEAD, lengths, odd paths."""

import re
from itertools import combinations, permutations
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from edge.system import CATCH_ALL
from local.host.constraints import constraint
from tests.e2e.portal import CONTOSO, STRANGER, Portal, owner
from tests.host_probes.client import send

THEIRS = CONTOSO.customers[3].tenant_id


def clashes(triggers: dict[str, dict[str, Any]]) -> list[str]:
    """Return the requests that Microsoft's host would route to the wrong function."""
    routes = {name: one for name, one in triggers.items() if name != CATCH_ALL}
    late = [
        f"{name} sorts after the catch-all"
        for name in routes
        if name.upper() > CATCH_ALL.upper() or name > CATCH_ALL
    ]
    twice = [
        f"{one} and {other} take one path"
        for one, other in combinations(sorted(routes), 2)
        if _methods(routes[one]) & _methods(routes[other])
        and _overlap(routes[one]["route"], routes[other]["route"])
    ]
    return late + twice + _loose([str(one["route"]) for one in routes.values()])


def _loose(routes: list[str]) -> list[str]:
    """Return each parameter that no constraint distinguishes from a literal in its position."""
    split = [route.split("/") for route in routes]
    found = {
        f"{'/'.join(one[: at + 1])} is loose beside {other[at]}"
        for one, other in permutations(split, 2)
        for at in range(min(len(one), len(other)))
        if re.fullmatch(r"\{\w+\}", one[at])
        and "{" not in other[at]
        and all(map(_meet, one[:at], other[:at]))
    }
    return sorted(found)


def _methods(trigger: dict[str, Any]) -> set[str]:
    return {str(method).upper() for method in trigger["methods"]}


def _overlap(one: str, other: str) -> bool:
    parts, others = one.split("/"), other.split("/")
    return len(parts) == len(others) and all(map(_meet, parts, others))


def _meet(part: str, other: str) -> bool:
    if "{" in part and "{" in other:
        return True
    if "{" in other:
        part, other = other, part
    if "{" not in part:
        return part.lower() == other.lower()
    found = re.fullmatch(r"\{\w+(?::(\w+))?\}", part)
    assert found, f"{part} is a template that this test cannot read"
    return found[1] is None or constraint(found[1], None)(other)


async def _triggers(portal: Portal) -> dict[str, dict[str, Any]]:
    functions = (await portal.call(None, "GET", "/admin/functions")).body
    return {
        function["name"]: function["trigger"]
        for function in functions
        if function["trigger"]["type"] == "httpTrigger"
    }


async def test_no_function_takes_what_is_anothers(portal: Portal) -> None:
    triggers = await _triggers(portal)
    assert len(triggers) > 30
    assert CATCH_ALL in triggers
    assert clashes(triggers) == []


@pytest.mark.parametrize(
    ("name", "route", "found"),
    [
        ("zzz_dead", "dead", "zzz_dead sorts after the catch-all"),
        ("read_summary", "tenants/all/summary", "tenants/{tenantId} is loose beside all"),
        ("a_copy", "My-Tenant", "a_copy and get_my_tenant take one path"),
        ("what_if", "tenants/{other:guid}", "get_tenant and what_if take one path"),
        ("update_alert", "alerts/{alertId:guid}", None),
    ],
)
async def test_a_route_that_is_anothers_would_be_found(
    portal: Portal, name: str, route: str, found: str | None
) -> None:
    planted = {"type": "httpTrigger", "route": route, "methods": ["get"]}
    triggers = {**await _triggers(portal), name: planted}
    assert clashes(triggers) == ([found] if found else [])


def test_a_constraint_tells_a_parameter_from_a_literal_beside_it() -> None:
    literal = {"route": "alerts/summary", "methods": ["GET"]}
    loose, tight = "alerts/{id}", "alerts/{id:guid}"
    assert clashes({"a": {"route": loose, "methods": ["GET"]}, "b": literal}) == [
        "a and b take one path",
        "alerts/{id} is loose beside summary",
    ]
    assert clashes({"a": {"route": loose, "methods": ["PUT"]}, "b": literal})
    assert not clashes({"a": {"route": tight, "methods": ["GET"]}, "b": literal})


async def _addresses(portal: Portal) -> dict[str, dict[str, Any]]:
    document = (await portal.call(None, "GET", "/openapi.json")).body
    return {_address(path): operations for path, operations in document["paths"].items()}


def _address(path: str, value: str = THEIRS) -> str:
    return re.sub(r"\{\w+\}", value, path)


async def test_head_goes_with_every_get_and_has_its_status_and_headers(portal: Portal) -> None:
    seen = 0
    for path, operations in (await _addresses(portal)).items():
        if "get" not in operations or path == "/consent/callback":
            continue
        got = await portal.call(owner(), "GET", path)
        head = await portal.call(owner(), "HEAD", path)
        assert head.status == got.status, path
        assert head.body in (None, "", b""), path
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert head.headers["x-request-id"]
        seen += got.status == 200
        nobodys = await portal.call(None, "HEAD", path)
        assert nobodys.status == (401 if "security" in operations["get"] else got.status)
    assert seen > 10


async def test_head_does_not_use_up_a_consent(portal: Portal) -> None:
    url = (await portal.call(owner(), "POST", "/consent/sessions")).body["consentUrl"]
    assert "state=" in url
    state = re.search(r"state=([^&]+)", url)
    assert state
    path = f"/consent/callback?state={state[1]}&error=access_denied"
    head = await portal.call(None, "HEAD", path)
    assert (head.status, "consent=" in head.headers["Location"]) == (302, False)
    got = await portal.call(None, "GET", path)
    assert got.headers["Location"].endswith("consent=declined")


async def test_a_wrong_method_is_told_those_that_are_taken(portal: Portal) -> None:
    reply = await portal.call(owner(), "DELETE", "/my-tenant")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_body_in_chunks_is_refused_before_anything_is_done(portal: Portal) -> None:
    browser, me = portal.browser, owner()
    token = await browser.token(me.tid, me.oid)
    host = urlsplit(browser.api).netloc
    events = await portal.call(owner(), "GET", "/audit-events")
    seen = 0
    for path, operations in (await _addresses(portal)).items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            head = (
                f"{method.upper()} {path} HTTP/1.1\r\nHost: {host}\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
            )
            reply = await send(browser.api, head.encode())
            assert (reply.status, reply.fact("code")) == (411, "length_required"), path
            seen += 1
    assert seen == 7
    assert (await portal.call(owner(), "GET", "/audit-events")).body == events.body


async def test_a_route_without_a_body_is_served_in_chunks_too(portal: Portal) -> None:
    browser, me = portal.browser, owner()
    token = await browser.token(me.tid, me.oid)
    head = (
        f"GET /my-tenant HTTP/1.1\r\nHost: {urlsplit(browser.api).netloc}\r\n"
        f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert (await send(browser.api, head.encode())).status in {200, 404}


async def test_a_tenant_is_found_by_every_spelling_of_its_id(portal: Portal) -> None:
    plain = await portal.call(owner(), "GET", f"/tenants/{THEIRS}")
    assert plain.status == 200
    for text in (THEIRS.upper(), THEIRS.replace("-", ""), f"{{{THEIRS}}}", f"({THEIRS})"):
        reply = await portal.call(owner(), "GET", f"/tenants/{quote(text)}")
        assert (reply.status, reply.body["tenantId"]) == (200, THEIRS), text


async def test_the_catch_all_goes_by_the_path_that_the_host_has_decoded(portal: Portal) -> None:
    for path, host, status, allowed in (
        ("/%6De", "api", 405, "GET, HEAD"),
        ("/x/../me", "api", 405, "GET, HEAD"),
        ("/me", "[", 405, "GET, HEAD"),
        (f"/tenants/{quote(f'{{{THEIRS}}}')}", "api", 405, "DELETE, GET, HEAD, PATCH"),
        (f"/tenants/{THEIRS}%2F", "api", 404, None),
        ("/tenants/%ff", "api", 404, None),
        ("/nothing", "[", 404, None),
    ):
        head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"
        reply = await send(portal.browser.api, head.encode())
        assert (reply.status, reply.headers.get("allow")) == (status, allowed), path
        assert reply.fact("requestId") == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    "part", [f"{THEIRS}%2F", f"a%2F{THEIRS}", "%ff", "%zz", "%25", f"{THEIRS}%2F..", "M365-INV%2F1"]
)
async def test_a_parameter_with_an_escape_left_in_it_names_nothing(
    portal: Portal, part: str
) -> None:
    browser, me = portal.browser, owner()
    token = await browser.token(me.tid, me.oid)
    document = (await portal.call(None, "GET", "/openapi.json")).body
    seen = 0
    for template, operations in document["paths"].items():
        if "{" not in template:
            continue
        path = template.replace("{tid}", STRANGER.tenant_id, 1).replace("{oid}", "{x}")
        path = _address(path, part) if "{x}" in path else _address(template, part)
        for method in operations:
            head = (
                f"{method.upper()} {path} HTTP/1.1\r\nHost: {urlsplit(browser.api).netloc}\r\n"
                f"Authorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n{{}}"
            )
            reply = await send(browser.api, head.encode())
            code = None if method == "head" else "not_found"
            assert (reply.status, reply.fact("code")) == (404, code), (method, path)
            seen += 1
    assert seen > 10
