"""The examples of docs/adding.md, run as they are written there."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import azure.functions as func
import pytest
from azure.data.tables import TableEntity

from adapters.tables.rows import from_entity, to_entity
from core.graph_permissions import PERMISSION_IDS
from core.operations.ports import OperationPorts
from domain.data_set import DataSet
from domain.identifiers import TenantRef
from domain.messages import write_tenant_ref
from domain.ports.msp_store import MspHead
from domain.roles import Permission
from domain.row_changes import Insert, Versioned
from domain.row_kinds import KINDS
from edge.authorization import Caller
from edge.openapi import document
from edge.paging import PageTokens
from edge.routes import Edge, RouteTable
from edge.triggers import FailedMessages
from manage.users.functions import add_kind
from tests.fakes.outside import FixedClock
from tests.fakes.storage import FakeMspStore
from tests.samples import MSP, NOW, OWNER, tenant
from tests.unit.core.operations.world import THEIRS, USER, World

ADDING = Path(__file__).parents[2] / "docs" / "adding.md"
EXAMPLES: dict[str, str] = dict(
    re.findall(r"^```python (\w+)\n(.*?)^```$", ADDING.read_text(), re.MULTILINE | re.DOTALL)
)


def run(*names: str) -> dict[str, Any]:
    """Run examples one after the other, as one module; return what it defines."""
    module: dict[str, Any] = {"__name__": "adding"}
    for name in names:
        exec(compile(EXAMPLES[name], f"docs/adding.md, {name}", "exec"), module)  # noqa: S102  the example itself
    return module


def test_a_data_set_is_a_value() -> None:
    added = run("data_set")["TENANT_BRANDING"]
    assert isinstance(added, DataSet)
    assert PERMISSION_IDS.keys() >= set(added.permissions)


class OpenGate:
    """Lets everybody pass as the owner."""

    async def admit(self, authorization: str | None, permission: Permission) -> Caller:
        return Caller(OWNER, MspHead(Versioned(MSP, "v"), None, None))


@pytest.fixture
def edge() -> Edge:
    gate: Any = OpenGate()
    return Edge(gate, PageTokens("k" * 32))


def functions(blueprint: func.Blueprint) -> dict[str, Callable[..., Awaitable[Any]]]:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    return {str(f.get_function_name()): f.get_user_function() for f in app.get_functions()}


def get(path: str, **parameters: str) -> func.HttpRequest:
    return func.HttpRequest(
        "GET", f"https://api.example{path}", route_params=parameters, params={}, body=b""
    )


def post(path: str, **parameters: str) -> func.HttpRequest:
    return func.HttpRequest(
        "POST", f"https://api.example{path}", route_params=parameters, params={}, body=b"{}"
    )


async def test_a_route(edge: Edge) -> None:
    module = run("route")
    added = functions(module["routes"].bind(edge, "Hello"))
    response = await added["get_greeting"](get("/greetings/Adele", name="Adele"))
    assert json.loads(response.get_body()) == {"greeting": "Hello Adele"}
    shown = document(edge.catalogue)["paths"]["/greetings/{name}"]["get"]
    assert (shown["operationId"], shown["x-permission"]) == ("get_greeting", Permission.STAFF)


async def test_a_list(edge: Edge) -> None:
    module = run("list")
    list_numbers = functions(module["routes"].bind(edge, None))["list_numbers"]
    link, found = "/numbers?pageSize=4&even=true", list[int]()
    for _ in range(2):
        body = json.loads((await list_numbers(get(link))).get_body())
        found += [item["number"] for item in body["items"]]
        link = body["nextLink"]
    assert found == [0, 2, 4, 6]
    names = {
        found["name"]
        for found in document(edge.catalogue)["paths"]["/numbers"]["get"]["parameters"]
    }
    assert names == {"pageSize", "pageToken", "even"}


async def test_a_queue_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    module = run("queue", "trigger")
    store, clock, counted = FakeMspStore(MSP), FixedClock(), list[TenantRef]()
    added = functions(module["counting_functions"](FailedMessages(store, clock), counted))
    ref = tenant().ref
    message = func.QueueMessage(id="m-1", body=write_tenant_ref(ref))
    await added["count_users"](message)
    assert counted == [ref]
    await added["count_users_poison"](message)
    assert store.actions(MSP.msp_id) == ["tenant.count_failed"]


async def test_a_row_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    module = run("row")
    kind, reminder = module["REMINDERS"], module["Reminder"]
    monkeypatch.setitem(cast("dict[Any, Any]", KINDS), reminder, kind)
    row = reminder(MSP.msp_id, "r-1", "Ask for MFA", NOW)
    entity = TableEntity(to_entity(row))
    assert entity["RowKey"] == "reminder:r-1"
    assert from_entity(reminder, entity) == row
    del entity["done"]
    assert from_entity(reminder, TableEntity({**entity, "of a later release": 1})) == row
    store = FakeMspStore(MSP)
    await store.commit([Insert(row)])
    found = await store.find(reminder, MSP.msp_id, "r-1")
    assert found is not None
    assert found.value == row
    assert [known.value for known in (await store.page(reminder, MSP.msp_id, 10)).items] == [row]


async def test_an_operation(edge: Edge) -> None:
    kind = run("operation")["REVOKE_SESSIONS"]
    world, routes = World(), RouteTable[OperationPorts]("users")
    world.kinds[kind.name] = kind
    world.microsoft.held |= {kind.permission}
    add_kind(routes, kind)
    revoke_sessions = functions(routes.bind(edge, world.ports))["revoke_sessions"]
    path = "/tenants/{tenantId}/users/{userId}/revoke-sessions"
    response = await revoke_sessions(post(path, tenantId=THEIRS.tenant_id, userId=USER))
    done = json.loads(response.get_body())
    assert (response.status_code, done["state"]) == (200, "succeeded")
    (write,) = world.microsoft.writes
    assert (write.method, write.path) == ("POST", f"/users/{USER}/revokeSignInSessions")
    assert world.operations[0].operation_id == done["operationId"]
    shown = document(edge.catalogue)["paths"][path]["post"]
    assert shown["x-permission"] == Permission.USERS_CREDENTIALS
    assert "Idempotency-Key" in {found["name"] for found in shown["parameters"]}
    assert "422" in shown["responses"]


async def test_an_area(edge: Edge) -> None:
    module = run("area")
    added = functions(module["time"](edge, FixedClock()))
    response = await added["get_time"](get("/time"))
    assert json.loads(response.get_body()) == {"now": NOW.isoformat().replace("+00:00", "Z")}


def test_every_example_is_run() -> None:
    examples = {"route", "list", "queue", "trigger", "row", "data_set", "operation", "area"}
    assert set(EXAMPLES) == examples
