"""The local host decodes paths and resolves routes like Microsoft's host."""

import pytest

from local.host.constraints import constraint
from local.host.paths import decoded_path, encoded_path, split_target, unescape
from local.host.routing import RouteTable
from local.host.worker import Function


def http(name: str, route: str, *methods: str) -> Function:
    trigger = {"type": "httpTrigger", "route": route, "methods": methods}
    return Function(name, name, trigger)


def taken_by(routes: RouteTable, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    found = routes.find(method, path)
    return (found[0].name, found[1]) if found else None


@pytest.mark.parametrize(
    ("path", "name", "parameters"),
    [
        ("/tenants", "list", {}),
        ("/TENANTS/", "list", {}),
        ("/tenants/a%2Fb", "one", {"id": "a%2Fb"}),
        ("/tenants/a/users", "people", {"id": "a"}),
        ("/days/7", "a_day", {"n": "7"}),
        ("/days/x", "day_by_name", {"name": "x"}),
        ("/maybe", "perhaps", {}),
        ("/maybe/so", "perhaps", {"what": "so"}),
        ("/anything/at/all", "unrouted", {"path": "anything/at/all"}),
        ("/", "unrouted", {"path": ""}),
        ("/zed", "unrouted", {"path": "zed"}),
    ],
)
def test_routes_are_tried_in_alphabetical_order_of_the_functions_names(
    path: str, name: str, parameters: dict[str, str]
) -> None:
    routes = RouteTable(
        [
            http("unrouted", "{*path}"),
            http("zed", "zed"),
            http("day_by_name", "days/{name}"),
            http("a_day", "days/{n:int}"),
            http("people", "tenants/{id}/users"),
            http("one", "tenants/{id}"),
            http("list", "tenants"),
            http("perhaps", "maybe/{what?}"),
        ],
        "",
    )
    assert taken_by(routes, "GET", path) == (name, parameters)


@pytest.mark.parametrize(("parameter", "literal"), [("a_one", "b_summary"), ("b_one", "a_summary")])
def test_a_parameter_takes_a_literals_place_if_its_name_is_first(
    parameter: str, literal: str
) -> None:
    routes = RouteTable([http(literal, "alerts/summary"), http(parameter, "alerts/{id}")], "")
    found = routes.find("GET", "/alerts/summary")
    assert found is not None
    assert found[0].name == min(parameter, literal)


def test_names_are_compared_without_regard_to_case_and_an_underscore_goes_after_letters() -> None:
    routes = RouteTable([http("a_b", "{x}"), http("aZ", "{x}"), http("AA", "{x}", "POST")], "")
    assert taken_by(routes, "GET", "/1") == ("aZ", {"x": "1"})
    assert taken_by(routes, "POST", "/1") == ("AA", {"x": "1"})


def test_a_method_that_a_function_does_not_take_is_left_to_the_next() -> None:
    routes = RouteTable([http("a", "x", "GET", "PATCH"), http("b", "{any}", "POST")], "")
    assert taken_by(routes, "POST", "/x") == ("b", {"any": "x"})
    assert taken_by(routes, "DELETE", "/x") is None
    assert taken_by(routes, "HEAD", "/x") is None


def test_the_prefix_of_host_json_goes_before_every_route() -> None:
    routes = RouteTable([http("a", "x")], "api")
    assert taken_by(routes, "GET", "/api/x") == ("a", {})
    assert taken_by(routes, "GET", "/x") is None


@pytest.mark.parametrize("path", ["//x", "/x//y", "/x//", "//"])
def test_an_empty_part_fits_no_route(path: str) -> None:
    routes = RouteTable([http("all", "{*path}"), http("two", "x/{y?}")], "")
    assert routes.find("GET", path) is None


_ID = "00112233-4455-6677-8899-aabbccddeeff"


@pytest.mark.parametrize(
    ("name", "argument", "value", "holds"),
    [
        ("guid", None, _ID, True),
        ("guid", None, _ID.upper(), True),
        ("guid", None, _ID.replace("-", ""), True),
        ("guid", None, f"{{{_ID}}}", True),
        ("guid", None, f"({_ID})", True),
        ("guid", None, f" {_ID} ", True),
        (
            "guid",
            None,
            "{0x00112233,0x4455,0x6677,{0x88,0x99,0xaa,0xbb,0xcc,0xdd,0xee,0xff}}",
            True,
        ),
        ("guid", None, "{0x1, 0x2, 0x3, {0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}", True),
        ("guid", None, f"{{{_ID})", False),
        ("guid", None, _ID[:-1], False),
        ("guid", None, _ID.replace("0", "\N{ARABIC-INDIC DIGIT ZERO}"), False),
        ("guid", None, "summary", False),
        ("int", None, "-7", True),
        ("int", None, "2147483647", True),
        ("int", None, "2147483648", False),
        ("int", None, "7.0", False),
        ("alpha", None, "Ab", True),
        ("alpha", None, "a1", False),
        ("bool", None, "TRUE", True),
        ("bool", None, "1", False),
        ("regex", "^a+$", "AA", True),
        ("regex", "^a+$", "ab", False),
    ],
)
def test_constraints_are_aspnets(name: str, argument: str | None, value: str, holds: bool) -> None:
    assert constraint(name, argument)(value) is holds


def test_a_constraint_may_hold_whatever_separates_elsewhere() -> None:
    route = "x/{id:regex(^\\d{{2}}/?:$)}/{flag:bool}"
    routes = RouteTable([http("a", route)], "")
    assert taken_by(routes, "GET", "/x/12:/true") == ("a", {"id": "12:", "flag": "true"})
    assert taken_by(routes, "GET", "/x/123:/true") is None


@pytest.mark.parametrize("route", ["{id:long}", "{id:min(1)}", "file-{id}", "{id=7}", "{id:int:}"])
def test_a_template_that_is_not_understood_is_no_start(route: str) -> None:
    with pytest.raises(ValueError, match="does not know"):
        RouteTable([http("a", route)], "")


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("/a%20b", "/a b"),
        ("/a%2Fb%2fc", "/a%2Fb%2fc"),
        ("/%252F", "/%2F"),
        ("/%C3%A4%ff%e2%82", "/\N{LATIN SMALL LETTER A WITH DIAERESIS}%ff%e2%82"),
        ("/%ED%A0%80%41", "/%ED%A0%80A"),
        ("/%zz%4", "/%zz%4"),
        ("/%00", "/\0"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/b", "/b"),
        ("/../../a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/a/..%2Fb", "/a/..%2Fb"),
        ("/a//../b", "/a/b"),
        ("/a/.well-known", "/a/.well-known"),
        ("//x", "//x"),
    ],
)
def test_a_path_is_decoded_once_but_for_slashes_and_then_rid_of_its_dots(
    sent: str, decoded: str
) -> None:
    assert decoded_path(sent) == decoded


@pytest.mark.parametrize("path", ["/a%20b", "/a%2Fb", "/%C3%A4", "/a;b=c,d@e:f", "/"])
def test_a_path_in_a_url_is_as_it_was_sent(path: str) -> None:
    assert encoded_path(decoded_path(path)) == path


def test_a_query_keeps_escapes_that_are_no_text() -> None:
    assert unescape("%ff%zz%20%") == "%ff%zz %"


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/a?b=c?d", ("/a", "?b=c?d")),
        ("http://contoso.example/a?b", ("/a", "?b")),
        ("http://contoso.example", ("/", "")),
        ("/", ("/", "")),
    ],
)
def test_a_target_is_a_path_and_a_query(target: str, parts: tuple[str, str]) -> None:
    assert split_target(target) == parts
