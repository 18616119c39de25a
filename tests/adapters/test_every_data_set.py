"""All data sets, read from the simulated Graph: what each answers, and what reading costs."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from core.data_sets.roles import ROLE_GROUP_MEMBERS, groups_to_expand
from core.data_sets.security import SIGN_INS
from core.known_data_sets import DATA_SETS
from domain.data_set import Cadence, DataSet, Each, Since
from domain.ports.graph_reader import Reading, Records, Unreadable, Wanted
from tests.samples import tenant
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

PARTNER = tenant(OWN, is_own_msp_tenant=True)


@pytest.fixture
async def readers(simulation: Simulation, tokens: TokenSource, graph: GraphClient) -> GraphReaders:
    await simulation.tenant(consented=True)
    return GraphReaders(tokens, graph, patience_seconds=4)


def wanted(data_sets: Collection[DataSet]) -> list[Wanted]:
    since = datetime.now(UTC) - timedelta(hours=2)
    return [
        Wanted(one, since if isinstance(one.shape, Since) else None)
        for one in data_sets
        if one.name != "users" and not isinstance(one.shape, Each)
    ]


async def read(readers: GraphReaders, data_sets: Collection[DataSet]) -> dict[str, Reading]:
    reader = readers.of(MSP, PARTNER)
    return {one.name: reading async for one, reading in reader.read(wanted(data_sets))}


async def test_every_data_set_can_be_read(readers: GraphReaders) -> None:
    found = await read(readers, DATA_SETS.values())
    failures = {
        name: str(reading) for name, reading in found.items() if isinstance(reading, Unreadable)
    }
    unreadable = {
        name: reading.unreadable
        for name, reading in found.items()
        if isinstance(reading, Records) and reading.unreadable
    }
    optional = {one.name for one in DATA_SETS.values() if not one.is_default}
    assert failures.keys() <= optional, failures
    assert unreadable == {}
    assert len(found) == len(DATA_SETS) - 2


async def test_a_customers_data_sets_can_be_read_with_the_service_account(
    simulation: Simulation, readers: GraphReaders
) -> None:
    reader = readers.of(MSP, tenant(CUSTOMER))
    due = [one for one in DATA_SETS.values() if one.is_default]
    failures = {
        one.name: str(reading)
        async for one, reading in reader.read(wanted(due))
        if isinstance(reading, Unreadable)
    }
    assert failures == {}
    assert {entry["tenantId"] for entry in await simulation.asked("/v1.0")} == {CUSTOMER}


async def test_what_depends_on_other_data_sets_can_be_read(readers: GraphReaders) -> None:
    of = ROLE_GROUP_MEMBERS.shape.of if isinstance(ROLE_GROUP_MEMBERS.shape, Each) else ()
    found = await read(readers, [DATA_SETS[name] for name in of])
    known = {
        name: [record.document for record in reading.records]
        for name, reading in found.items()
        if isinstance(reading, Records)
    }
    assert known.keys() == set(of)
    groups, reader = sorted(groups_to_expand(known)), readers.of(MSP, PARTNER)
    assert groups
    accounts = [record.key async for page in reader.users() for record in page.records][:32]
    since = datetime.now(UTC) - timedelta(days=7)
    asked = [Wanted(ROLE_GROUP_MEMBERS, ids=groups), Wanted(SIGN_INS, since, accounts)]
    readings = {one.name: reading async for one, reading in reader.read(asked)}
    members, sign_ins = readings[ROLE_GROUP_MEMBERS.name], readings[SIGN_INS.name]
    assert isinstance(members, Records), members
    assert {record.key for record in members.records} <= set(groups)
    assert isinstance(sign_ins, Records), sign_ins
    assert {record.document["userId"] for record in sign_ins.records} <= set(accounts)


@pytest.mark.parametrize(
    ("cadence", "most"), [(Cadence.HOURLY, 2), (Cadence.QUARTER_HOURLY, 2)], ids=["hour", "quarter"]
)
async def test_what_is_due_together_takes_few_requests(
    simulation: Simulation, readers: GraphReaders, cadence: Cadence, most: int
) -> None:
    due = [one for one in DATA_SETS.values() if one.cadence is cadence]
    reader = readers.of(MSP, PARTNER)
    found = [reading async for _, reading in reader.read(wanted(due))]
    assert all(isinstance(reading, Records) for reading in found), found
    assert reader.cost.requests <= most


async def test_conditional_access_is_asked_once_a_second(
    simulation: Simulation, readers: GraphReaders
) -> None:
    paced = [one for one in DATA_SETS.values() if one.is_paced]
    began = datetime.now(UTC)
    found = await read(readers, paced)
    assert all(isinstance(reading, Records) for reading in found.values())
    assert datetime.now(UTC) - began >= timedelta(seconds=len(paced) - 1)
