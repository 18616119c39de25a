"""The cost of a sync when nothing has changed."""

import pytest

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from tests.bench.second_sync import count_a_sync, counted_tables
from tests.faults.proxy import WriteCounter
from tests.faults.synced import synced
from tests.simulation import Simulation


@pytest.mark.parametrize("users", [1, 2500])
async def test_a_second_sync_of_an_unchanged_tenant_costs_the_same_whatever_its_size(
    azurite: str, simulation: Simulation, tokens: TokenSource, graph: GraphClient, users: int
) -> None:
    counter = WriteCounter()
    await simulation.tenant(users=users, consented=True)
    async with (
        counted_tables(azurite, counter) as storage,
        synced(storage, simulation, tokens, graph) as own,
    ):
        await count_a_sync(own, counter)
        asked = await count_a_sync(own, counter)
    assert asked.graph <= 2
    # A sync on demand also compares what is stored of three data sets, each in one read.
    assert asked.tables <= 4 + 3
