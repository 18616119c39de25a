"""A sync is killed at any write; the next one ends with exactly the rows that Graph has."""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.graph.client import GraphClient
from adapters.identity import TokenSource
from domain.sync_state import SyncPhase
from local.azurite import connection_string
from tests.faults.proxy import Kill, Proxy, WriteCounter
from tests.faults.sync_process import SyncProcess
from tests.faults.synced import Synced, synced
from tests.simulation import OWN, Simulation

# SYNC_KILLS=50 and SYNC_KILL_USERS=5000 run it at full size.
KILLS = int(os.environ.get("SYNC_KILLS", "5"))
USERS = int(os.environ.get("SYNC_KILL_USERS", "700"))


class Killed:
    """A tenant whose syncs are processes that use storage through the counting proxy."""

    def __init__(self, own: Synced, counter: WriteCounter, environment: dict[str, str]) -> None:
        self.own, self.counter, self._environment = own, counter, environment

    async def sync(self, kill_at: int | None = None, *, after: bool = False) -> int:
        """Sync in a process, optionally killed at a write; return its exit code."""
        await self.own.request()
        process: list[SyncProcess] = []
        kill = Kill(kill_at, after, lambda: process[0].pid) if kill_at else None
        self.counter.restart(kill)
        process.append(SyncProcess(self._environment, self.own.ref))
        return await process[0].wait()

    async def let_the_lease_run_out(self) -> None:
        states = self.own.storage.sync_states
        known = await states.find(self.own.ref)
        assert known is not None
        await states.replace(replace(known.value, lease_until=None), known.version)


@pytest.fixture
async def killed(
    azurite: str, simulation: Simulation, tokens: TokenSource, graph: GraphClient
) -> AsyncIterator[Killed]:
    await simulation.tenant(users=USERS, consented=True)
    counter = WriteCounter()
    ports = [int(port) for port in re.findall(r":(\d+)/devstoreaccount1", azurite)]
    async with (
        Proxy(counter, lambda: ports[2]) as tables,
        synced(azurite, simulation, tokens, graph) as own,
    ):
        storage = connection_string(ports[0], ports[1], tables.port)
        yield Killed(own, counter, simulation.app_environment(storage))


async def test_a_sync_that_is_killed_at_any_write_is_complete_in_the_end(
    killed: Killed, graph: GraphClient, tokens: TokenSource
) -> None:
    own = killed.own
    assert await killed.sync() == 0
    writes = killed.counter.count
    for turn in range(KILLS):
        kill_at = 1 + turn * (writes - 1) // max(1, KILLS - 1)
        await own.storage.records.purge(own.ref, USERS)
        await own.storage.tenant_data.purge(own.ref, 100)
        await own.storage.sync_states.remove(own.ref)
        # A slow sync writes its progress separately, so a later one may have fewer writes.
        was_killed = await killed.sync(kill_at, after=turn % 2 == 1) < 0
        assert was_killed or killed.counter.count < kill_at
        await killed.let_the_lease_run_out()
        assert await killed.sync() == 0
        assert (await own.state()).phase is SyncPhase.SUCCEEDED
        assert await own.stored() == await own.at_graph(graph, tokens)
        await own.check_index()


async def test_changes_whose_sync_is_killed_at_any_write_leave_rows_index_and_counts_right(
    killed: Killed, graph: GraphClient, tokens: TokenSource
) -> None:
    own = killed.own
    assert await killed.sync() == 0
    kills = 0
    while True:
        # The first changes make the index's only block too large, so it is split.
        told = {"create": 320 if kills == 0 else 3, "update": 5, "delete": 4}
        await own.simulation.browser.control("POST", f"/tenants/{OWN}/changes", told)
        survived = await killed.sync(kills + 1, after=True) == 0
        if not survived:
            await killed.let_the_lease_run_out()
            assert await killed.sync() == 0
        assert await own.stored() == await own.at_graph(graph, tokens)
        await own.check_index()
        if survived:
            break
        kills += 1
    assert kills >= 5
    assert len(await own.storage.user_index.versions(own.ref.msp_id)) > 1
