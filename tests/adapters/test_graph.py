import asyncio
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.graph.read_budget import ReadBudget
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from core.known_data_sets import DATA_SETS
from core.refusals import Missing, missing
from domain.errors import ConsentRequired, GdapRefused, MicrosoftUnavailable
from domain.gdap import OPTIONAL_ROLES, ROLES
from domain.identifiers import TenantId
from domain.msp import SecurityGroup
from domain.ports.graph_reader import PositionLost, Reading, TenantReader, Unreadable, Wanted
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import FIRST_SYNC, Access
from domain.tenant import Tenant
from local.sample_data import CONTOSO, STRANGER
from tests.samples import tenant
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

PARTNER = tenant(OWN, is_own_msp_tenant=True)
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@pytest.fixture
async def readers(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> GraphReaders:
    await simulation.tenant(consented=True)
    return GraphReaders(tokens, graph, patience_seconds=4)


async def read_together(reader: TenantReader) -> dict[str, Reading]:
    """Return the data sets that are shown with a tenant, except the users."""
    wanted = [Wanted(DATA_SETS[name]) for name in FIRST_SYNC if name != "users"]
    return {data_set.name: reading async for data_set, reading in reader.read(wanted)}


async def read(
    readers: GraphReaders, name: str, of: Tenant = PARTNER
) -> tuple[list[SyncedRecord], Unreadable | None]:
    """Return what was read of a data set, up to any read error."""
    reader = readers.of(MSP, of)
    if name != "users":
        reading = (await read_together(reader))[name]
        return ([], reading) if isinstance(reading, Unreadable) else (list(reading.records), None)
    records: list[SyncedRecord] = []
    try:
        async for page in reader.users():
            records += page.records
    except Unreadable as failure:
        return records, failure
    return records, None


async def test_every_user_is_read_over_all_pages(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.tenant(users=2100)
    users, failure = await read(readers, "users")
    assert failure is None
    assert len({user.key for user in users}) == 2100
    assert len(await simulation.asked("/users")) == 3
    assert set(users[0].document) == {
        *("id", "displayName", "userPrincipalName", "mail", "accountEnabled", "userType"),
        *("createdDateTime", "assignedLicenses", "jobTitle", "department", "usageLocation"),
        "onPremisesSyncEnabled",
    }
    licences = [licence for user in users for licence in user.document["assignedLicenses"]]
    assert licences
    assert all(set(licence) == {"skuId"} for licence in licences)


async def test_licences_have_their_products_names(readers: GraphReaders) -> None:
    licences, _ = await read(readers, "licences")
    names = {item.document["skuPartNumber"]: item.document["productName"] for item in licences}
    assert (
        names.items()
        <= {
            "SPE_E3": "Microsoft 365 E3",
            "SPE_E5": "Microsoft 365 E5",
            "SPB": "Microsoft 365 Business Premium",
            "O365_BUSINESS_PREMIUM": "Microsoft 365 Business Standard",
            "FLOW_FREE": "Microsoft Power Automate Free",
        }.items()
    )
    units = licences[0].document["prepaidUnits"]
    assert set(units) == {"enabled", "suspended", "warning", "lockedOut"}


async def test_secure_scores_are_newest_first_and_one_a_day(readers: GraphReaders) -> None:
    scores, _ = await read(readers, "secureScore")
    dates = [
        score.document["createdDateTime"] for score in sorted(scores, key=lambda score: score.key)
    ]
    assert dates == sorted(dates, reverse=True)
    assert len({score.key for score in scores}) == len(scores) > 1


async def test_policies_are_kept_whole(
    simulation: Simulation, readers: GraphReaders, tokens: TokenSource, graph: GraphClient
) -> None:
    policies, _ = await read(readers, "conditionalAccessPolicies")
    path = "/identity/conditionalAccess/policies"
    given = await graph.get(path, await tokens.app_token(MSP, OWN))
    assert [policy.document for policy in policies] == given["value"]


async def test_a_customer_is_read_with_a_delegated_token(
    simulation: Simulation, readers: GraphReaders
) -> None:
    for name in FIRST_SYNC:
        records, failure = await read(readers, name, tenant(CUSTOMER))
        assert failure is None
        assert records
    assert {entry["tenantId"] for entry in await simulation.asked("/v1.0")} == {CUSTOMER}


async def test_a_customer_without_a_relationship_is_unread_with_advice(
    readers: GraphReaders,
) -> None:
    records, failure = await read(readers, "users", tenant(TenantId(STRANGER.tenant_id)))
    assert records == []
    assert failure is not None
    assert "invite" in failure.error


async def lack(readers: GraphReaders, name: str, failure: Unreadable) -> Missing:
    """Return what is missing at the partner tenant, as sync concludes it."""
    reader = readers.of(MSP, PARTNER)
    access = Access(permissions=await reader.permissions(fresh=False))
    return missing(DATA_SETS[name], failure, access, is_delegated=reader.is_delegated)


@pytest.mark.parametrize("name", FIRST_SYNC)
async def test_a_refused_data_set_names_the_permission(
    simulation: Simulation, readers: GraphReaders, name: str
) -> None:
    (permission,) = DATA_SETS[name].permissions
    await simulation.tenant(revokedPermissions=[permission])
    records, failure = await read(readers, name)
    assert records == []
    assert failure is not None
    assert await lack(readers, name, failure) == Missing(permission=permission)


async def test_without_consent_every_data_set_names_its_permission(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.tenant(consented=False)
    _, failure = await read(readers, "users")
    assert failure is not None
    assert await readers.of(MSP, PARTNER).permissions(fresh=False) is None
    assert await lack(readers, "users", failure) == Missing(permission="User.Read.All")


PASSING = pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retryAfter": 1},
        {"status": 429},
        {"status": 503},
        {"disconnect": True},
        {"truncate": True},
    ],
)


@PASSING
@pytest.mark.parametrize("path", ["/users", r"/\$batch"])
async def test_a_fault_that_passes_is_not_noticed(
    simulation: Simulation, readers: GraphReaders, fault: dict[str, Any], path: str
) -> None:
    await simulation.faults({"path": path, "times": 2, **fault})
    data_set = "users" if path == "/users" else "conditionalAccessPolicies"
    records, failure = await read(readers, data_set)
    assert failure is None
    assert records
    # aiohttp itself retries a GET if its kept-alive connection was closed.
    assert len(await simulation.asked(path.replace("\\", ""))) in (3, 4)


@pytest.mark.parametrize("retry_after", [{"retryAfter": 1}, {}])
async def test_a_part_of_a_batch_that_is_throttled_is_read_by_itself(
    simulation: Simulation, readers: GraphReaders, retry_after: dict[str, int]
) -> None:
    await simulation.faults(
        {"path": "/policies", "insideBatch": True, "status": 429, **retry_after},
        {"path": "/policies", "times": 1, "status": 429, **retry_after},
    )
    reader = readers.of(MSP, PARTNER)
    began = time.monotonic()
    readings = await read_together(reader)
    assert not any(isinstance(reading, Unreadable) for reading in readings.values())
    asked = [entry["batch"] for entry in await simulation.asked("/policies")]
    assert asked == [True, False, False]
    assert reader.cost.requests == 3
    assert time.monotonic() - began >= reader.cost.throttled_seconds >= (2 if retry_after else 0.5)


async def test_a_wait_beyond_its_patience_is_told_and_not_waited(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.faults({"path": "/users", "status": 429, "retryAfter": 3600})
    began = time.monotonic()
    _, failure = await read(readers, "users")
    assert failure is not None
    assert (failure.refusal, failure.retry_after) == (None, 3600)
    assert time.monotonic() - began < 3
    assert len(await simulation.asked("/users")) == 1


async def test_patience_is_one_for_the_whole_tenant(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.faults({"path": "/v1.0", "status": 503})
    reader = readers.of(MSP, PARTNER)
    readings = await read_together(reader)
    with pytest.raises(Unreadable):
        await reader.delta_link()
    assert all(isinstance(reading, Unreadable) for reading in readings.values())
    assert reader.cost.throttled_seconds <= 4


async def test_a_graph_that_hangs_is_waited_for_no_longer_than_its_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    async def hang(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr("adapters.graph.client._READING", {"read_timeout": 0.2})
    app = web.Application()
    app.router.add_get("/v1.0/users", hang)
    async with TestServer(app) as server:
        graph = GraphClient(str(server.make_url("/")).rstrip("/"))
        budget = ReadBudget(0.3)
        with pytest.raises(GraphError, match="did not answer"):
            await graph.get("/users", "token", budget)
        await graph.close()
    assert (asked, budget.cost.throttled_seconds) == (1, 0)


async def test_a_token_that_expires_half_way_is_replaced(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.tenant(users=1500)
    for customer in (PARTNER, tenant(CUSTOMER)):
        pages = readers.of(MSP, customer).users()
        keys = {record.key for record in (await anext(pages)).records}
        await simulation.faults({"path": "/users", "status": 401, "times": 1})
        async for page in pages:
            keys |= {record.key for record in page.records}
        assert len(keys) == (1500 if customer is PARTNER else CONTOSO.customers[0].users)


async def test_changes_are_told_from_the_link_on(
    simulation: Simulation, readers: GraphReaders
) -> None:
    reader = readers.of(MSP, PARTNER)
    link = await reader.delta_link()
    (nothing,) = [page async for page in reader.changes(link)]
    assert (list(nothing.records), list(nothing.removed)) == ([], [])
    await simulation.browser.control(
        "POST", f"/tenants/{OWN}/changes", {"create": 2, "update": 3, "delete": 1}
    )
    assert nothing.delta_link
    (told,) = [page async for page in reader.changes(nothing.delta_link)]
    assert (len(told.records), len(told.removed)) == (5, 1)
    names = [set(record.document) for record in told.records]
    assert names.count({"id", "displayName"}) == 3  # their other properties have not changed
    assert sum("userPrincipalName" in properties for properties in names) == 2


async def test_changes_may_name_all_properties(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.tenant(tellsAll=True)
    reader = readers.of(MSP, PARTNER)
    link = await reader.delta_link()
    await simulation.browser.control("POST", f"/tenants/{OWN}/changes", {"update": 3})
    (told,) = [page async for page in reader.changes(link)]
    assert [len(record.document) for record in told.records] == [12, 12, 12]
    await simulation.tenant(tellsAll=False)


async def test_a_change_adds_to_an_earlier_one_in_its_page(
    simulation: Simulation, readers: GraphReaders
) -> None:
    values = [
        *({"id": "a", "displayName": "A"}, {"id": "a", "jobTitle": None}),
        *({"id": "b", "displayName": "B"}, {"id": "b", "@removed": {"reason": "changed"}}),
        *({"id": "c", "@removed": {"reason": "changed"}}, {"id": "c", "jobTitle": "Back"}),
        *({"id": "d", "displayName": "D"}, {"id": "d", "displayName": 4}),
    ]
    reader = readers.of(MSP, PARTNER)
    link = await reader.delta_link()
    await simulation.faults({"path": "/users/delta", "status": 200, "body": {"value": values}})
    (told,) = [page async for page in reader.changes(link)]
    assert {record.key: record.document for record in told.records} == {
        "a": {"id": "a", "displayName": "A", "jobTitle": None},
        "c": {"id": "c", "jobTitle": "Back"},
    }
    assert (told.removed, told.unreadable) == (["b", "c"], ["d"])


async def test_a_delta_link_may_stand_on_a_later_page(
    simulation: Simulation, readers: GraphReaders
) -> None:
    reader = readers.of(MSP, PARTNER)
    link = await reader.delta_link()
    first = {"value": [], "@odata.nextLink": link.replace("$deltatoken", "$again=1&$deltatoken")}
    fault = {"path": "/users/delta", "query": "latest", "status": 200, "body": first, "times": 1}
    await simulation.faults(fault)
    assert await reader.delta_link() == link


async def test_users_are_read_by_their_keys(simulation: Simulation, readers: GraphReaders) -> None:
    await simulation.tenant(users=50)
    reader = readers.of(MSP, PARTNER)
    everybody = {r.key: r async for page in reader.users() for r in page.records}
    missing = "00000000-0000-4000-8000-000000000000"
    before = len(await simulation.asked("$batch"))
    busy = {"path": "/users/", "insideBatch": True, "status": 429, "retryAfter": 0, "times": 1}
    await simulation.faults(busy)
    found = await reader.users_of([*everybody, missing])
    assert {record.key: record for record in found.records} == everybody
    assert (found.removed, list(found.unreadable)) == ([missing], [])
    assert len(await simulation.asked("$batch")) - before == 3


@pytest.mark.parametrize("status", [400, 200])
async def test_a_user_whom_graph_refuses_costs_no_other(
    simulation: Simulation, readers: GraphReaders, status: int
) -> None:
    await simulation.tenant(users=3)
    reader = readers.of(MSP, PARTNER)
    keys = [r.key async for page in reader.users() for r in page.records]
    refused = {"path": f"/users/{keys[1]}", "status": status, "body": ["no object"]}
    await simulation.faults(refused, {**refused, "insideBatch": True})
    found = await reader.users_of(keys)
    assert {record.key for record in found.records} == {keys[0], *keys[2:]}
    assert (list(found.removed), list(found.unreadable)) == ([], [keys[1]])


@pytest.mark.parametrize("item", [{"displayName": "without an ID"}, "nonsense", {"id": 5}, None])
async def test_a_record_without_a_key_is_left_out(
    simulation: Simulation, readers: GraphReaders, item: Any
) -> None:
    await simulation.faults({"path": "/users", "status": 200, "body": {"value": [item]}})
    (page,) = [page async for page in readers.of(MSP, PARTNER).users()]
    assert (list(page.records), page.unreadable) == ([], [None])


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_link_that_graph_forgot_is_a_lost_position(
    simulation: Simulation, readers: GraphReaders, status: int
) -> None:
    reader = readers.of(MSP, PARTNER)
    link = await reader.delta_link()
    await simulation.faults({"path": "/users/delta", "status": status})
    with pytest.raises(PositionLost):
        _ = [page async for page in reader.changes(link)]
    with pytest.raises(Unreadable):
        await reader.delta_link()


@pytest.mark.parametrize(
    "body",
    [
        {"value": [], "@odata.nextLink": "https://graph.example.com/v1.0/users?$skiptoken=x"},
        {"value": [], "@odata.nextLink": "/users?$top=1"},
        {"value": [], "@odata.nextLink": 7},
        {"value": {"id": "x"}},
        {"value": [], "@odata.nextLink": "x" * 100_000},
        {"value": [], "@odata.nextLink": "https://localhost\ud800"},
        {},
        [],
        None,
    ],
)
async def test_nonsense_is_unread_and_not_empty(
    simulation: Simulation, readers: GraphReaders, body: Any
) -> None:
    await simulation.faults({"path": "/users", "status": 200, "body": body})
    _, failure = await read(readers, "users")
    assert failure is not None
    assert failure.refusal is None


async def test_a_read_that_breaks_off_keeps_its_first_pages_and_says_so(
    simulation: Simulation, readers: GraphReaders
) -> None:
    await simulation.tenant(users=2000)
    pages = readers.of(MSP, PARTNER).users()
    assert len((await anext(pages)).records) == 999
    await simulation.faults({"path": "/users", "status": 400})
    with pytest.raises(Unreadable, match="answered 400"):
        await anext(pages)


async def test_an_invite_asks_for_the_least_roles_and_is_locked(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True)
    name = "A customer whose name is much longer than Microsoft takes"
    made = await GraphGdap(tokens, graph).invite(MSP, TenantId(STRANGER.tenant_id), name, 730)
    assert made.invite_url.endswith(f"/granularAdminRelationships/{made.relationship_id}")
    path = f"/tenantRelationships/delegatedAdminRelationships/{made.relationship_id}"
    kept = await graph.get(path, await tokens.app_token(MSP, OWN))
    assert kept["status"] == "approvalPending"
    assert kept["duration"] == "P730D"
    assert len(kept["displayName"]) <= 50
    asked_for = {role["roleDefinitionId"] for role in kept["accessDetails"]["unifiedRoles"]}
    assert asked_for == set(ROLES.values())
    assert len(asked_for) == 18
    assert GLOBAL_ADMINISTRATOR not in asked_for


async def test_an_optional_role_is_asked_for_and_assigned_if_the_msp_wants_it(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> None:
    await simulation.tenant(consented=True)
    (name,), (role_id,) = OPTIONAL_ROLES.keys(), OPTIONAL_ROLES.values()
    groups = (SecurityGroup(CONTOSO.security_group, (*ROLES, name)),)
    msp = replace(MSP, app=replace(MSP.app, optional_roles=(name,), security_groups=groups))
    gdap, customer = GraphGdap(tokens, graph), TenantId(str(uuid4()))
    made = await gdap.invite(msp, customer, "Relecloud", 30)
    await simulation.gdap(made.relationship_id, "accept")
    found = {r.relationship_id: r for r in (await gdap.relationships(msp)).found}
    assert role_id in found[made.relationship_id].roles
    await gdap.assign(msp, found[made.relationship_id])
    path = f"/tenantRelationships/delegatedAdminRelationships/{made.relationship_id}"
    token = await tokens.app_token(msp, OWN)
    (assigned,) = (await graph.get(f"{path}/accessAssignments", token))["value"]
    roles = {role["roleDefinitionId"] for role in assigned["accessDetails"]["unifiedRoles"]}
    assert roles == {*ROLES.values(), role_id}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403}, ConsentRequired),
        ({"status": 400}, GdapRefused),
        ({"status": 429, "retryAfter": 5}, MicrosoftUnavailable),
        ({"status": 503}, MicrosoftUnavailable),
        ({"disconnect": True}, MicrosoftUnavailable),
        ({"status": 201, "body": {}}, MicrosoftUnavailable),
    ],
)
async def test_a_failed_invite_is_not_repeated(
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    fault: dict[str, Any],
    error: type[Exception],
) -> None:
    await simulation.tenant(consented=True)
    await simulation.faults({"method": "POST", "path": "delegatedAdmin", **fault})
    with pytest.raises(error):
        await GraphGdap(tokens, graph).invite(MSP, CUSTOMER, "Northwind Traders", 30)
    assert len(await simulation.asked("delegatedAdmin")) == 1
