import time
from typing import Any

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.gdap import ROLES, GraphGdap
from adapters.graph.permissions import MANIFEST, READ
from adapters.graph.reader import GraphTenantReader
from adapters.identity import TokenSource
from domain.errors import ConsentRequired, GdapRefused, MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.ports import SyncedRecord, Unreadable
from domain.sync_state import DataSet
from domain.tenant import Tenant
from local.seed import CONTOSO, PERMISSIONS, STRANGER
from tests.adapters.simulation import CUSTOMER, MSP, OWN, Simulation
from tests.samples import tenant

PARTNER = tenant(OWN, is_own_msp_tenant=True)
PATHS = {
    DataSet.USERS: "/users",
    DataSet.LICENCES: "/subscribedSkus",
    DataSet.SECURE_SCORE: "/security/secureScores",
    DataSet.CONDITIONAL_ACCESS: "/identity/conditionalAccess/policies",
}
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


@pytest.fixture
async def reader(
    simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> GraphTenantReader:
    await simulation.tenant(consented=True)
    return GraphTenantReader(tokens, graph)


async def read(
    reader: GraphTenantReader, data_set: DataSet, of: Tenant = PARTNER
) -> tuple[list[SyncedRecord], Unreadable | None]:
    records: list[SyncedRecord] = []
    async for page in reader.pages(MSP, of, data_set):
        if isinstance(page, Unreadable):
            return records, page
        records += page
    return records, None


async def test_every_user_is_read_over_all_pages(
    simulation: Simulation, reader: GraphTenantReader
) -> None:
    await simulation.tenant(users=2100)
    users, failure = await read(reader, DataSet.USERS)
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


async def test_licences_have_their_products_names(reader: GraphTenantReader) -> None:
    licences, _ = await read(reader, DataSet.LICENCES)
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


async def test_secure_scores_are_newest_first_and_one_a_day(reader: GraphTenantReader) -> None:
    scores, _ = await read(reader, DataSet.SECURE_SCORE)
    dates = [
        score.document["createdDateTime"] for score in sorted(scores, key=lambda score: score.key)
    ]
    assert dates == sorted(dates, reverse=True)
    assert len({score.key for score in scores}) == len(scores) > 1


async def test_policies_are_kept_whole(
    simulation: Simulation, reader: GraphTenantReader, tokens: TokenSource, graph: GraphClient
) -> None:
    policies, _ = await read(reader, DataSet.CONDITIONAL_ACCESS)
    path = "/identity/conditionalAccess/policies"
    given = await graph.get(path, await tokens.app_token(MSP, OWN))
    assert [policy.document for policy in policies] == given["value"]


async def test_a_customer_is_read_with_a_delegated_token(
    simulation: Simulation, reader: GraphTenantReader
) -> None:
    for data_set in DataSet:
        records, failure = await read(reader, data_set, tenant(CUSTOMER))
        assert failure is None
        assert records
    assert {entry["tenantId"] for entry in await simulation.asked("/v1.0")} == {CUSTOMER}


async def test_a_customer_without_a_relationship_is_unread_with_advice(
    reader: GraphTenantReader,
) -> None:
    records, failure = await read(reader, DataSet.USERS, tenant(TenantId(STRANGER.tenant_id)))
    assert records == []
    assert failure is not None
    assert "invite" in failure.error


@pytest.mark.parametrize("data_set", DataSet)
async def test_a_refused_data_set_names_the_permission(
    simulation: Simulation, reader: GraphTenantReader, data_set: DataSet
) -> None:
    await simulation.tenant(revokedPermissions=[READ[data_set]])
    records, failure = await read(reader, data_set)
    assert records == []
    assert failure is not None
    assert failure.missing_permission == READ[data_set]


async def test_without_consent_every_data_set_names_its_permission(
    simulation: Simulation, reader: GraphTenantReader
) -> None:
    await simulation.tenant(consented=False)
    _, failure = await read(reader, DataSet.USERS)
    assert failure is not None
    assert failure.missing_permission == "User.Read.All"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retryAfter": 1},
        {"status": 429},
        {"status": 503},
        {"disconnect": True},
        {"truncate": True},
    ],
)
async def test_a_fault_that_passes_is_not_noticed(
    simulation: Simulation, reader: GraphTenantReader, fault: dict[str, Any]
) -> None:
    await simulation.faults({"path": "/policies", "times": 2, **fault})
    records, failure = await read(reader, DataSet.CONDITIONAL_ACCESS)
    assert failure is None
    assert records
    assert len(await simulation.asked("/policies")) == 3


async def test_a_wait_longer_than_the_lease_is_not_waited(
    simulation: Simulation, reader: GraphTenantReader
) -> None:
    await simulation.faults({"path": "/users", "status": 429, "retryAfter": 3600})
    began = time.monotonic()
    _, failure = await read(reader, DataSet.USERS)
    assert failure is not None
    assert failure.missing_permission is None
    assert time.monotonic() - began < 20
    assert len(await simulation.asked("/users")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"value": [], "@odata.nextLink": "https://graph.example.com/v1.0/users?$skiptoken=x"},
        {"value": [], "@odata.nextLink": "/users?$top=1"},
        {"value": [], "@odata.nextLink": 7},
        {"value": {"id": "x"}},
        {"value": [{"displayName": "without an ID"}]},
        {"value": ["nonsense"]},
        {},
        [],
        None,
    ],
)
async def test_nonsense_is_unread_and_not_empty(
    simulation: Simulation, reader: GraphTenantReader, body: Any
) -> None:
    await simulation.faults({"path": "/users", "status": 200, "body": body})
    _, failure = await read(reader, DataSet.USERS)
    assert failure is not None
    assert failure.missing_permission is None


async def test_a_read_that_breaks_off_keeps_its_first_pages_and_says_so(
    simulation: Simulation, reader: GraphTenantReader, graph: GraphClient, tokens: TokenSource
) -> None:
    await simulation.tenant(users=2000)
    pages = reader.pages(MSP, PARTNER, DataSet.USERS)
    first = await anext(pages)
    assert not isinstance(first, Unreadable)
    assert len(first) == 999
    await simulation.faults({"path": "/users", "status": 400})
    assert [page async for page in pages] == [
        Unreadable("Microsoft Graph answered 400 (ServiceUnavailable)")
    ]


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
    assert len(asked_for) == 12
    assert GLOBAL_ADMINISTRATOR not in asked_for


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


def test_the_simulation_grants_what_the_app_asks_for_and_no_more() -> None:
    assert set(PERMISSIONS) == MANIFEST
    assert CONTOSO.client_id == MSP.app.client_id
