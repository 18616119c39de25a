"""All data sets, read from the simulated Graph: what each answers, and what reading costs."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from adapters.graph.client import GraphClient
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from core.known_data_sets import DATA_SETS
from domain.data_set import Cadence, DataSet, Each, Since
from domain.ports.graph_reader import Reading, Records, Unreadable, Wanted
from tests.samples import tenant
from tests.simulation import MSP, OWN, Simulation

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
