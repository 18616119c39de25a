"""The local host resolves routes as ASP.NET does."""

import pytest

from local.host.routing import RouteTable
from local.host.worker import Function


def table(*routes: str, methods: tuple[str, ...] = ("GET",)) -> RouteTable:
    functions = [
        Function(route, route, {"type": "httpTrigger", "route": route, "methods": methods})
        for route in routes
    ]
    return RouteTable(functions, "")


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("/tenants", "tenants", {}),
        ("/TENANTS/", "tenants", {}),
        ("/tenants/new", "tenants/new", {}),
        ("/tenants/Old%20One", "tenants/{id}", {"id": "Old One"}),
        ("/tenants/a/users", "tenants/{id}/users", {"id": "a"}),
        ("/days/7", "days/{n:int}", {"n": "7"}),
        ("/days/x", "days/{name}", {"name": "x"}),
        ("/anything/at/all", "{*path}", {"path": "anything/at/all"}),
        ("/", "{*path}", {"path": ""}),
    ],
)
def test_literals_go_before_parameters_before_the_catch_all(
    path: str, route: str, parameters: dict[str, str]
) -> None:
    routes = table(
        "{*path}",
        "tenants/{id}",
        "tenants/{id}/users",
        "tenants/new",
        "tenants",
        "days/{name}",
        "days/{n:int}",
    )
    found = routes.find("GET", path)
    assert not isinstance(found, frozenset)
    assert (found[0].name, found[1]) == (route, parameters)


def test_no_route_has_no_methods_and_a_wrong_method_has_the_right_ones() -> None:
    routes = table("tenants/{id}", methods=("GET", "PATCH"))
    assert routes.find("GET", "/nothing") == frozenset()
    assert routes.find("DELETE", "/tenants/x") == frozenset({"GET", "PATCH"})
