"""GDAP at the simulated Microsoft: reads, assignments and refusals."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from adapters.entra_refusals import DelegatedAccessRefused, DelegatedConsentMissing
from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from core.known_data_sets import DATA_SETS
from domain.errors import ConsentRequired, GdapRefused, MicrosoftUnavailable
from domain.gdap import ROLES, GdapRelationship, RelationshipState
from domain.identifiers import TenantId
from domain.msp import Msp, SecurityGroup
from domain.ports.graph_reader import Unreadable, Wanted
from domain.sync_state import FIRST_SYNC, Access, DataSetState
from local.sample_data import CONTOSO, STRANGER
from sync.read_states import unread
from tests.samples import tenant
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

PATH = "/tenantRelationships/delegatedAdminRelationships"


@pytest.fixture
async def gdap(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> GraphGdap:
    await simulation.tenant(consented=True)
    return GraphGdap(tokens, graph)


@pytest.fixture
async def customer(simulation: Simulation) -> AsyncIterator[TenantId]:
    """A customer without any relationship; everything is restored afterwards."""
    yield TenantId(str(uuid4()))
    await simulation.tenant(serviceAccountGroups=[CONTOSO.security_group], assignmentSeconds=0)


async def invited(gdap: GraphGdap, customer: TenantId) -> str:
    return (await gdap.invite(MSP, customer, "A customer", 30)).relationship_id


async def found(gdap: GraphGdap, key: str) -> GdapRelationship:
    (one,) = [r for r in (await gdap.relationships(MSP)).found if r.relationship_id == key]
    return one


async def accepted(simulation: Simulation, gdap: GraphGdap, customer: TenantId) -> GdapRelationship:
    key = await invited(gdap, customer)
    await simulation.gdap(key, "accept")
    return await found(gdap, key)


def with_groups(*groups: SecurityGroup) -> Msp:
    return replace(MSP, app=replace(MSP.app, security_groups=groups))


async def test_relationships_are_read_over_all_pages_with_their_states(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId
) -> None:
    key = await invited(gdap, customer)
    pending = await found(gdap, key)
    assert (pending.state, pending.activated_at) == (RelationshipState.PENDING, None)
    assert (pending.tenant_id, pending.display_name) == (customer, "A customer")
    await simulation.gdap(key, "accept")
    live = await found(gdap, key)
    assert live.state is RelationshipState.ACTIVE
    assert live.activated_at is not None
    assert (live.ends_at - live.activated_at).days == 30
    await simulation.gdap(key, "expire")
    assert (await found(gdap, key)).status == "expired"
    theirs = {r.tenant_id for r in (await gdap.relationships(MSP)).found}
    assert {c.tenant_id for c in CONTOSO.customers} <= theirs


_MADE = {
    "id": "r-1",
    "displayName": "Contoso northwind",
    "status": "active",
    "createdDateTime": "2026-01-01T00:00:00Z",
    "activatedDateTime": "2026-01-02T00:00:00Z",
    "endDateTime": "2028-01-01T00:00:00.1234567Z",
    "customer": {"tenantId": CUSTOMER.upper(), "displayName": "Northwind"},
    "accessDetails": {"unifiedRoles": [{"roleDefinitionId": "A"}]},
}
_NAMES: list[Any] = [5, ["x"], {}, "x" * 257]
_DATE: list[Any] = [
    *("1500-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "", 5, []),
]
_ODD: dict[str, list[Any]] = {
    **dict.fromkeys(("createdDateTime", "activatedDateTime", "endDateTime"), _DATE),
    "id": [None, 5, "", "a/b", "a?b", "\ud800", "x" * 200],
    "status": [None, 5, [], {}],
    "displayName": [5, [], "x" * 40_000],
    "accessDetails": [5, [], {"unifiedRoles": [5]}],
    "customer": [
        *({"tenantId": CUSTOMER, "displayName": name} for name in _NAMES),
        *(5, [], {}, "x", {"tenantId": "x"}),
    ],
}
_ODD_RELATIONSHIPS = [
    ({**_MADE, name: odd}, name != "customer" or (isinstance(odd, dict) and len(odd) == 2))
    for name, oddities in _ODD.items()
    for odd in oddities
]


@pytest.mark.parametrize(("odd", "is_named"), _ODD_RELATIONSHIPS)
async def test_an_odd_relationship_costs_itself_alone(
    simulation: Simulation, gdap: GraphGdap, odd: dict[str, Any], is_named: bool
) -> None:
    good = {**_MADE, "id": "r-2", "customer": {"tenantId": STRANGER.tenant_id, "displayName": None}}
    body = {"value": [odd, good, {**good, "customer": None}]}
    await simulation.faults({"path": PATH, "status": 200, "body": body})
    read = await gdap.relationships(MSP)
    (one,) = read.found
    assert (one.relationship_id, one.display_name, one.title) == ("r-2", None, "Contoso northwind")
    (unread,) = read.unreadable
    assert unread.tenant_id == (CUSTOMER if is_named else None)


async def test_what_microsoft_sends_of_a_relationship_is_read(
    simulation: Simulation, gdap: GraphGdap
) -> None:
    made = {**_MADE, "status": "unheardOf", "activatedDateTime": None, "accessDetails": None}
    made["customer"] = {"tenantId": CUSTOMER, "displayName": " North\x00wind "}
    await simulation.faults({"path": PATH, "status": 200, "body": {"value": [made]}})
    (one,) = (await gdap.relationships(MSP)).found
    assert (one.tenant_id, one.display_name) == (CUSTOMER, "Northwind")
    assert (one.state, one.activated_at) == (RelationshipState.OTHER, None)
    assert one.roles == frozenset()


@pytest.mark.parametrize("odd", [5, {}, {"id": "a b"}, {**_MADE, "endDateTime": "soon"}])
async def test_an_invite_that_cannot_be_read_is_unavailable(
    simulation: Simulation, gdap: GraphGdap, odd: Any
) -> None:
    await simulation.faults({"method": "POST", "path": PATH, "status": 201, "body": odd})
    with pytest.raises(MicrosoftUnavailable):
        await gdap.invite(MSP, CUSTOMER, "A customer", 30)


@pytest.mark.parametrize(
    "odd",
    [
        *(5, None, {}, {"id": "a/b", "accessContainer": {"accessContainerId": "x"}}),
        *({"id": "a", "accessContainer": odd} for odd in (None, 5, {}, {"accessContainerId": 5})),
        {"id": "a", "accessContainer": {"accessContainerId": "x"}, "accessDetails": [5]},
    ],
)
async def test_an_odd_assignment_hides_none_that_can_be_read(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId, odd: Any
) -> None:
    live = await accepted(simulation, gdap, customer)
    await gdap.assign(MSP, live)
    path = f"{PATH}/{live.relationship_id}/accessAssignments"
    group = MSP.app.security_groups[0]
    good = {
        "id": "good",
        "status": "active",
        "accessContainer": {"accessContainerId": group.group_id.upper()},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in live.roles]},
    }
    await simulation.faults({"path": path, "status": 200, "body": {"value": [odd, good]}})
    assert await gdap.assign(MSP, live)


async def test_a_long_list_of_relationships_is_read_to_its_end(
    simulation: Simulation, gdap: GraphGdap
) -> None:
    before = len((await gdap.relationships(MSP)).found)
    nobodys = {"value": [{"customer": None}] * 3}
    links = [f"{simulation.origin}/v1.0{PATH}?$top={size}" for size in (200, 100)]
    await simulation.faults(
        *(
            {
                "path": PATH,
                "status": 200,
                "times": 1,
                "body": {**nobodys, "@odata.nextLink": link},
            }
            for link in links
        )
    )
    assert len((await gdap.relationships(MSP)).found) == before
    assert len(await simulation.asked(PATH)) == 4


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403}, ConsentRequired),
        ({"status": 400}, GdapRefused),
        ({"status": 501}, MicrosoftUnavailable),
        ({"status": 200, "body": {}}, MicrosoftUnavailable),
    ],
)
async def test_relationships_that_cannot_be_read_are_an_error_and_no_empty_list(
    simulation: Simulation, gdap: GraphGdap, fault: dict[str, Any], error: type[Exception]
) -> None:
    await simulation.faults({"method": "GET", "path": PATH, **fault})
    with pytest.raises(error):
        await gdap.relationships(MSP)


async def test_access_is_assigned_once_and_gives_a_token_when_it_is_active(
    simulation: Simulation, gdap: GraphGdap, tokens: TokenSource, customer: TenantId
) -> None:
    await simulation.tenant(assignmentSeconds=3600)
    live = await accepted(simulation, gdap, customer)
    assert not await gdap.assign(MSP, live)
    assert not await gdap.assign(MSP, live)
    assert len([r for r in await simulation.asked("Assignments") if r["method"] == "POST"]) == 1
    with pytest.raises(DelegatedAccessRefused):
        await tokens.delegated_token(MSP, customer)
    await simulation.tenant(assignmentSeconds=0)
    assert await gdap.assign(MSP, live)
    with pytest.raises(DelegatedConsentMissing):
        await tokens.delegated_token(MSP, customer)
    await simulation.tenant(customer, consented=True)
    assert await tokens.delegated_token(MSP, customer)


async def test_an_assignment_of_other_roles_is_put_right_under_its_version(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId
) -> None:
    live = await accepted(simulation, gdap, customer)
    few = SecurityGroup(CONTOSO.security_group, ("Global Reader",))
    await gdap.assign(with_groups(few), live)
    assert await gdap.assign(with_groups(few), live)
    assert not await gdap.assign(MSP, live)
    (changed,) = [r for r in await simulation.asked("Assignments") if r["method"] == "PATCH"]
    assert (changed["status"], changed["headers"]["If-Match"][:3]) == (202, 'W/"')
    assert await gdap.assign(MSP, live)


@pytest.mark.parametrize(("method", "status"), [("POST", 409), ("PATCH", 412)])
async def test_an_assignment_that_somebody_else_made_or_changed_is_looked_at_again(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId, method: str, status: int
) -> None:
    live = await accepted(simulation, gdap, customer)
    if method == "PATCH":
        await gdap.assign(
            with_groups(SecurityGroup(CONTOSO.security_group, ("Global Reader",))), live
        )
    await simulation.faults({"method": method, "path": "Assignments", "status": status, "times": 1})
    assert not await gdap.assign(MSP, live)
    assert not await gdap.assign(MSP, live)
    assert await gdap.assign(MSP, live)


async def test_a_group_gets_no_role_that_the_customer_did_not_agree_to(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId
) -> None:
    key = await simulation.made_in_partner_center(customer, "Security Reader")
    await simulation.gdap(key, "accept")
    live = await found(gdap, key)
    assert live.roles == {ROLES["Security Reader"]}
    other = SecurityGroup(str(uuid4()), ("Global Reader",))
    msp = with_groups(*MSP.app.security_groups, other)
    assert not await gdap.assign(msp, live)
    assert await gdap.assign(msp, live)


async def refusals(readers: GraphReaders, customer: TenantId) -> dict[str, DataSetState]:
    """Return the states of the data sets that cannot be read in a customer tenant."""
    reader = readers.of(MSP, tenant(customer))
    wanted = [Wanted(DATA_SETS[name]) for name in FIRST_SYNC if name != "users"]
    failures = {one.name: r async for one, r in reader.read(wanted) if isinstance(r, Unreadable)}
    try:
        _ = [page async for page in reader.users()]
    except Unreadable as failure:
        failures["users"] = failure
    access = Access(permissions=await reader.permissions(fresh=False))
    return {
        name: unread(DATA_SETS[name], DataSetState(name), failure, access, is_delegated=True)
        for name, failure in failures.items()
    }


async def test_each_refusal_under_gdap_says_what_to_do(
    simulation: Simulation,
    gdap: GraphGdap,
    tokens: TokenSource,
    graph: GraphClient,
    customer: TenantId,
) -> None:
    readers = GraphReaders(tokens, graph, patience_seconds=4)
    live = await accepted(simulation, gdap, customer)
    none = await refusals(readers, customer)
    assert set(none) == set(FIRST_SYNC)
    assert all("security group" in str(failure.error) for failure in none.values())
    assert await readers.of(MSP, tenant(customer)).primary_domain() is None
    await gdap.assign(MSP, live)
    without = await refusals(readers, customer)
    assert all("has no consent" in str(failure.error) for failure in without.values())
    await simulation.tenant(customer, consented=True)
    assert await refusals(readers, customer) == {}
    assert await readers.of(MSP, tenant(customer)).primary_domain() is not None

    await simulation.tenant(customer, gdapRoles=["License Administrator"])
    lacking = await refusals(readers, customer)
    assert set(lacking) == {"secureScore", "conditionalAccessPolicies"}
    assert lacking["secureScore"].missing_roles == ("Security Reader", "Global Reader")
    assert "the role Security Reader" in str(lacking["secureScore"].error)

    await simulation.tenant(customer, gdapRoles=list(ROLES))
    await simulation.tenant(serviceAccountGroups=[])
    outside = await refusals(readers, customer)
    assert all("security group" in str(failure.error) for failure in outside.values())
    await simulation.tenant(serviceAccountGroups=[CONTOSO.security_group])

    await simulation.tenant(customer, mfaRequired=True)
    for refresh in (False, True):
        with pytest.raises(DelegatedAccessRefused, match="MFA"):
            await tokens.delegated_token(MSP, customer, fresh=not refresh)
    asked = await refusals(readers, customer)
    assert all("sign it in again with MFA" in str(failure.error) for failure in asked.values())
    await simulation.tenant(customer, mfaRequired=False)
    assert await refusals(readers, customer) == {}

    await simulation.gdap(live.relationship_id, "terminate")
    ended = await refusals(readers, customer)
    assert all("accepted the invite" in str(failure.error) for failure in ended.values())


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required"])
async def test_entras_words_for_a_policy_in_the_way_mean_the_same(
    simulation: Simulation, tokens: TokenSource, error: str
) -> None:
    body = {"error": error, "error_codes": [50076], "error_description": "AADSTS50076: x"}
    await simulation.faults({"path": "/token", "status": 400, "body": body})
    with pytest.raises(DelegatedAccessRefused, match="MFA"):
        await tokens.delegated_token(MSP, CUSTOMER, fresh=True)


async def test_nobody_reads_anothers_relationships(
    simulation: Simulation, gdap: GraphGdap, tokens: TokenSource, graph: GraphClient
) -> None:
    theirs = await simulation.browser.control("POST", "/gdap", _fabrikams())
    token = await tokens.app_token(MSP, OWN)
    assert theirs["id"] not in {r.relationship_id for r in (await gdap.relationships(MSP)).found}
    with pytest.raises(Exception, match="404"):
        await graph.get(f"{PATH}/{theirs['id']}", token)


def _fabrikams() -> dict[str, Any]:
    roles = [{"roleDefinitionId": ROLES["Global Reader"]}]
    return {
        "home": str(uuid4()),
        "displayName": "Fabrikam's",
        "duration": "P30D",
        "customer": {"tenantId": CUSTOMER},
        "accessDetails": {"unifiedRoles": roles},
    }


async def test_an_assignment_that_is_gone_hides_none_that_stands(
    simulation: Simulation, gdap: GraphGdap, customer: TenantId
) -> None:
    live = await accepted(simulation, gdap, customer)
    (group,) = MSP.app.security_groups
    standing = {
        "id": "standing",
        "status": "active",
        "accessContainer": {"accessContainerId": group.group_id},
        "accessDetails": {
            "unifiedRoles": [{"roleDefinitionId": ROLES[name]} for name in group.roles]
        },
    }
    gone = {**standing, "id": "gone", "status": "deleted"}
    path = f"{PATH}/{live.relationship_id}/accessAssignments"
    await simulation.faults({"path": path, "status": 200, "body": {"value": [standing, gone]}})
    assert await gdap.assign(MSP, live)
