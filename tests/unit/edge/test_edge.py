import json
from typing import Any

import azure.functions as func
import pytest
from pydantic import BaseModel, ValidationError

from audit.functions import AuditQuery
from domain import errors
from domain.errors import BodyTooLarge, DomainError, LengthRequired, MalformedInput
from domain.identifiers import parse_tenant_id
from domain.ports.msp_store import MspHead
from domain.ports.page import Page
from domain.roles import Permission
from domain.row_changes import Versioned
from edge.answers import Answer
from edge.authorization import Caller
from edge.errors import TABLE, headers_of
from edge.lists import list_route
from edge.models import ListQuery, NoBody, NoQuery, RequestModel
from edge.openapi import document
from edge.paging import PageTokens
from edge.requests import (
    PublicRequest,
    StaffRequest,
    check_length,
    read_arguments,
    read_body,
    read_query,
)
from edge.routes import Edge, Route, RouteTable
from edge.system import allowed_methods
from gdap.functions import InviteBody
from staff.functions import StaffBody
from tenants.requests import EditBody, SyncedDocument, TenantsQuery, UsersQuery
from tests.samples import MSP, OWNER


def request(body: bytes) -> func.HttpRequest:
    return func.HttpRequest("POST", "https://api.example/x", body=body)


def every_error() -> list[type[DomainError]]:
    return [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, DomainError) and found is not DomainError
    ]


def test_every_error_has_a_status_and_a_code() -> None:
    assert set(every_error()) == set(TABLE)
    codes = [code for _status, code in TABLE.values()]
    assert len(set(codes)) == len(codes)


def test_the_drawing_of_the_errors_names_each_one() -> None:
    assert all(found.__name__ in (errors.__doc__ or "") for found in every_error())


def test_waiting_and_signing_in_have_their_headers() -> None:
    assert headers_of(errors.MicrosoftUnavailable("x", 2.128)) == {"Retry-After": "3"}
    assert headers_of(errors.Unauthenticated("x")) == {"WWW-Authenticate": "Bearer"}
    assert headers_of(errors.TenantNotFound("x")) == {}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b'"x"', b"\xff", b'{"displayName": NaN}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedInput):
        read_body(EditBody, request(body), optional=False)


def test_a_body_over_the_limit_is_too_large() -> None:
    with pytest.raises(BodyTooLarge):
        read_body(NoBody, request(b" " * (256 * 1024 + 1)), optional=True)


def test_no_body_is_an_empty_one_where_it_is_optional() -> None:
    assert read_body(NoBody, request(b" \n"), optional=True) == NoBody()
    with pytest.raises(MalformedInput):
        read_body(EditBody, request(b""), optional=False)


def test_an_error_names_the_field_and_never_the_value() -> None:
    secret = "hunter2" * 100
    body = {"displayName": 7, "notes": secret * 10, "unknown": 1, secret: 1}
    with pytest.raises(MalformedInput) as refused:
        read_body(EditBody, request(json.dumps(body).encode()), optional=False)
    paths = {path for path, _message in refused.value.problems}
    assert paths == {"displayName", "notes", "unknown", "(unknown field)"}
    assert "hunter2" not in str(refused.value.problems)


@pytest.mark.parametrize("name", ["", " ", "\u00a0\t", "a\u0000", "a\nb", "a\x85", "\ud800"])
@pytest.mark.parametrize(
    ("model", "field"),
    [(EditBody, "displayName"), (StaffBody, "name"), (InviteBody, "displayName")],
)
def test_a_name_is_neither_blank_nor_holds_control_characters(
    model: type[BaseModel], field: str, name: str
) -> None:
    body = {"tenantId": "x", "role": "l1", field: name}
    wanted = {f.alias for f in model.model_fields.values()}
    raw = json.dumps({key: value for key, value in body.items() if key in wanted}).encode()
    with pytest.raises(MalformedInput) as refused:
        read_body(model, request(raw), optional=False)
    assert [path for path, _message in refused.value.problems] == [field]


def test_notes_hold_lines_and_any_script_but_no_control_characters() -> None:
    good = {"notes": "Ünïcode ✓\r\n\tzweite Zeile \u200d🦊", "displayName": " Woodgrove Bank "}
    body = read_body(EditBody, request(json.dumps(good).encode()), optional=False)
    assert (body.notes, body.display_name) == (good["notes"], "Woodgrove Bank")
    for notes in ("\u0000", "a\x1b[0m", "a\rb"):
        with pytest.raises(MalformedInput):
            read_body(EditBody, request(json.dumps({"notes": notes}).encode()), optional=False)


@pytest.mark.parametrize(
    "query",
    ["pageSize=0", "pageSize=501", "pageSize=x", "pageSize=1&pageSize=1", "x=1", "scope=other"],
)
def test_a_malformed_query_is_refused(query: str) -> None:
    with pytest.raises(MalformedInput):
        read_query(TenantsQuery, read_arguments(f"https://api.example/tenants?{query}"))


def test_a_good_query_is_read() -> None:
    arguments = read_arguments("https://api.example/tenants?pageSize=7&scope=partner")
    query = read_query(TenantsQuery, arguments)
    assert (query.page_size, query.scope.value, query.status) == (7, "partner", None)
    assert isinstance(query, ListQuery)
    assert issubclass(TenantsQuery, RequestModel)


def route(method: str, path: str) -> Route:
    return Route(
        method=method,
        path=path,
        name=f"{method} {path}",
        area="x",
        permission=None,
        body=NoBody,
        query=NoQuery,
        answers={200: ListQuery},
        errors=(),
        body_optional=True,
        raw_query=False,
        conditional=False,
    )


def test_allowed_methods_are_those_of_the_routes_that_match_in_any_case() -> None:
    catalogue = [
        route("GET", "tenants/{tenantId}"),
        route("DELETE", "tenants/{tenantId}"),
        route("GET", "openapi.json"),
    ]
    assert allowed_methods(catalogue, "/Tenants/x/") == ["DELETE", "GET", "HEAD"]
    assert allowed_methods(catalogue, "/tenants/x/y") == []
    assert allowed_methods(catalogue, "/openapi-json") == []
    for nothing in ("a%2Fb", "%ff", "%zz"):
        assert allowed_methods(catalogue, f"tenants/{nothing}") == []


GUID = "a0000000-0000-4000-8000-00000000000b"


@pytest.mark.parametrize(
    "spelling",
    [
        GUID.upper(),
        f"{{{GUID}}}",
        "{0xa0000000,0x0000,0x4000,{0x80,0x00,0x00,0x00,0x00,0x00,0x00,0x0b}}",
    ],
)
def test_a_body_and_a_query_take_a_tenant_in_every_spelling_too(spelling: str) -> None:
    raw = json.dumps({"tenantId": spelling, "displayName": "Contoso"}).encode()
    body = read_body(InviteBody, request(raw), optional=False)
    query = read_query(AuditQuery, {"tenantId": [spelling]})
    assert parse_tenant_id(body.tenant_id) == parse_tenant_id(query.tenant_id or "") == GUID


def test_a_path_that_does_not_fit_a_constraint_has_none_of_that_routes_methods() -> None:
    catalogue = [
        route("GET", "alerts/{alertId:guid}"),
        route("POST", "alerts/summary"),
        route("DELETE", "alerts/{alertId:guid}/notes/{note}"),
    ]
    assert allowed_methods(catalogue, f"alerts/{{{GUID}}}") == ["GET", "HEAD"]
    assert allowed_methods(catalogue, "alerts/Summary") == ["POST"]
    assert allowed_methods(catalogue, "alerts/nonsense") == []
    assert allowed_methods(catalogue, f"alerts/{GUID}/notes/x") == ["DELETE"]


def test_openapi_has_a_path_without_its_constraints() -> None:
    (path, operations), *others = document([route("GET", "alerts/{alertId:guid}/x/{note}")])[
        "paths"
    ].items()
    assert (path, others) == ("/alerts/{alertId}/x/{note}", [])
    assert [one["name"] for one in operations["get"]["parameters"]] == ["alertId", "note"]


def test_openapi_shows_404_wherever_a_path_names_something() -> None:
    paths = document([route("PUT", "staff/{tid}"), route("GET", "staff")])["paths"]
    assert "404" in paths["/staff/{tid}"]["put"]["responses"]
    assert "404" not in paths["/staff"]["get"]["responses"]


def test_openapi_shows_head_beside_each_get_with_its_statuses_and_no_content() -> None:
    shown = document([route("GET", "alerts"), route("POST", "alerts")])["paths"]["/alerts"]
    assert shown.keys() == {"get", "head", "post"}
    assert shown["head"]["operationId"] == "head_GET alerts"
    assert shown["head"]["responses"].keys() == shown["get"]["responses"].keys()
    assert not any("content" in answer for answer in shown["head"]["responses"].values())


@pytest.mark.parametrize("template", ["a/{b:int}", "a/{b:regex(^x$)}", "a/{b?}", "a/{*b}", "{a"])
def test_a_route_that_only_the_host_could_read_is_not_declared(template: str) -> None:
    async def answer(_ports: None, _request: PublicRequest) -> Answer:
        return Answer(200)

    with pytest.raises(ValueError, match="a"):
        RouteTable[None]("x").public("GET", template, answers={200: None})(answer)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (float("inf"), 3600),
        (float("-inf"), 1),
        (float("nan"), 30),
        (-5, 1),
        (0, 1),
        (10**400, 3600),
        (1e308, 3600),
        (3600.5, 3600),
        (59.1, 60),
    ],
)
def test_a_wait_is_whole_seconds_up_to_an_hour_whatever_was_sent(wait: float, seconds: int) -> None:
    error = errors.MicrosoftUnavailable("x", wait)
    assert headers_of(error) == {"Retry-After": str(seconds)}


@pytest.mark.parametrize("length", [{}, {"content-length": "2"}])
def test_a_body_in_chunks_is_refused_with_a_length_beside_it_too(length: dict[str, str]) -> None:
    with pytest.raises(LengthRequired):
        check_length({"transfer-encoding": "chunked", **length})
    check_length(length)


class Undeclared(DomainError):
    """An error that is missing in the table of status codes."""


async def test_a_500_carries_its_request_id_even_when_the_refusal_cannot_be_made() -> None:
    routes = RouteTable[None]("x")

    async def answer(_ports: None, _request: StaffRequest[NoBody, NoQuery]) -> Answer:
        raise Undeclared("x")

    routes.route("GET", "x", Permission.STAFF, answers={200: None})(answer)
    req = func.HttpRequest("GET", "https://api.example/x", body=b"")
    response = await served(routes, req)
    body = json.loads(response.get_body())
    assert (response.status_code, body["code"]) == (500, "internal_error")
    assert body["requestId"] == response.headers["x-request-id"]


async def served(routes: RouteTable[None], req: func.HttpRequest) -> func.HttpResponse:
    """Answer a request with the only route of a table."""
    gate: Any = OpenGate()
    app = func.FunctionApp()
    app.register_functions(routes.bind(Edge(gate, PageTokens("k" * 32)), None))
    (function,) = app.get_functions()
    response: func.HttpResponse = await function.get_user_function()(req)
    return response


class OpenGate:
    """Treats every caller as the owner."""

    async def admit(self, authorization: str | None, permission: Permission) -> Caller:
        return Caller(OWNER, MspHead(Versioned(MSP, "v"), None, None))


@pytest.mark.parametrize(
    ("path", "status"), [("tenants/t", 400), ("tenants/t", 404), ("health", 200)]
)
async def test_a_request_has_one_line_in_the_log_that_holds_nothing_of_the_callers(
    caplog: pytest.LogCaptureFixture, path: str, status: int
) -> None:
    routes = RouteTable[None]("x")

    async def answer(_ports: None, _request: StaffRequest[NoBody, NoQuery]) -> Answer:
        if status == 404:
            raise errors.TenantNotFound("No such tenant.")
        return Answer(200)

    template = path.replace("/t", "/{tenantId}")
    routes.route("GET", template, Permission.STAFF, answers={200: None})(answer)
    req = func.HttpRequest(
        "GET",
        f"https://api.example/{path}?{'secret=1' if status == 400 else ''}",
        headers={"authorization": "Bearer token"},
        route_params={"tenantId": "t"},
        body=b"",
    )
    with caplog.at_level("INFO", logger="edge.routes"):
        response = await served(routes, req)
    (record,) = caplog.records
    line = json.loads(record.getMessage().removeprefix("request "))
    assert line.pop("milliseconds") >= 0
    assert line == {
        "method": "GET",
        "route": f"/{template}",
        "status": response.status_code,
        "requestId": response.headers["x-request-id"],
    }


async def test_a_name_that_ends_in_half_a_character_is_no_error() -> None:
    routes = RouteTable[None]("x")
    user = {"displayName": "Adele \ud83e"}

    @list_route(routes, "users", Permission.STAFF, SyncedDocument)
    async def users(_ports: None, _: StaffRequest[NoBody, ListQuery]) -> Page[SyncedDocument]:
        return Page((SyncedDocument(user),))

    req = func.HttpRequest("GET", "https://api.example/users", body=b"")
    response = await served(routes, req)
    assert response.status_code == 200
    assert json.loads(response.get_body())["items"] == [user]


def test_users_are_searched_by_what_a_name_is_compared_by() -> None:
    assert UsersQuery(search=" ÅDÈLE ").search == "adele"
    assert UsersQuery().search is None
    for text in ("", " ", "\u200b"):
        with pytest.raises(ValidationError):
            UsersQuery(search=text)
