"""The cost of one due tenant, from the timer that finds it to the schedule's next entry.

Everything except Microsoft is real. The simulation counts its requests; a proxy in front of Azurite
counts operations on tables and queues. The proxy itself uses processor time, so processor time is
measured in a second run without it.
"""

import os
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import override

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.graph.client import GraphClient
from adapters.graph.reader import GraphReaders
from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from domain.identifiers import TenantId, TenantRef, new_epoch
from domain.row_changes import Insert
from domain.sync_request import QUEUED_FOR, first_sync
from local.azurite import connection_string
from sync.sync_tenant import sync_tenant
from tests.bench.microsoft import azurite, microsoft
from tests.due import find_due
from tests.faults.proxy import Proxy, WriteCounter
from tests.faults.synced import Synced, synced
from tests.samples import tenant
from tests.simulation import OWN, Simulation

TENANTS = int(os.environ.get("SCALE_TENANTS", "40"))
USERS = int(os.environ.get("SCALE_USERS", "250"))
INTERVAL = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one sync of one tenant.

    Args:
        tables: Operations on tables.
        queues: Operations on queues, except the host's own: it receives and deletes the message.
        graph: Requests to Graph; a batch is one.
        tokens: Requests to Entra's token endpoint.
        processor_seconds: Processor time of the worker that syncs.
        search_seconds: Processor time of the search, which finds it due and checks it again later.
    """

    tables: float
    queues: float
    graph: float
    tokens: float
    processor_seconds: float
    search_seconds: float


class Later(SystemClock):
    """A clock that is advanced manually."""

    ahead = timedelta()

    @override
    def now(self) -> datetime:
        return super().now() + self.ahead


@asynccontextmanager
async def _counted(storage: str, counters: list[WriteCounter]) -> AsyncIterator[str]:
    blob, queue, table = (int(port) for port in re.findall(r":(\d+)/devstoreaccount1", storage))
    async with (
        Proxy(counters[0], lambda: table) as tables,
        Proxy(counters[1], lambda: queue) as queues,
    ):
        yield connection_string(blob, queues.port, tables.port)


async def _customers(own: Synced) -> list[TenantRef]:
    ids = await own.simulation.browser.control(
        "POST", f"/tenants/{OWN}/customers", {"count": TENANTS, "users": USERS}
    )
    now = own.ports.clock.now()
    rows = [
        tenant(TenantId(i), msp_id=own.ref.msp_id, epoch=new_epoch(), created_at=now) for i in ids
    ]
    for row in rows:
        await own.storage.msps.commit((Insert(row),))
    return [row.ref for row in rows]


class Meter:
    """Measures the cost of a round of syncs."""

    def __init__(self, own: Synced, graph: GraphClient, counters: list[WriteCounter]) -> None:
        self._own, self._graph, self._counters = own, graph, counters
        self._clock = Later()

    async def round(self, refs: list[TenantRef], ahead: timedelta) -> Cost:
        """Let the timer find the tenants, sync each, and let the timer run its later checks."""
        simulation = self._own.simulation
        # A token lasts an hour: each sync of a day needs another.
        credentials = Credentials(FileSecrets(simulation.run_dir / "secrets"), self._clock)
        tokens = TokenSource(simulation.origin, simulation.origin, credentials)
        reader = GraphReaders(tokens, self._graph)
        ports = replace(self._own.ports, clock=self._clock, reader=reader)
        await simulation.browser.control("DELETE", "/requests")
        for counter in self._counters:
            counter.requests = 0
        began = time.process_time()
        self._clock.ahead = ahead
        queued = await find_due(ports)
        found = time.process_time()
        if queued != len(refs):
            raise RuntimeError(f"{queued} of {len(refs)} were due")
        for ref in refs:
            await sync_tenant(ports, ref)
        ended = time.process_time()
        self._clock.ahead = ahead + QUEUED_FOR + timedelta(minutes=2)
        await find_due(ports)
        timer = found - began + time.process_time() - ended
        return await self._cost(simulation, len(refs), ended - found, timer)

    async def _cost(self, simulation: Simulation, tenants: int, *seconds: float) -> Cost:
        asked = [entry for entry in await simulation.asked("/v1.0/") if not entry["batch"]]
        tokens = await simulation.asked("/oauth2/v2.0/token")
        tables, queues = (counter.requests for counter in self._counters)
        counts = (tables, queues, len(asked), len(tokens), *seconds)
        return Cost(*(count / tenants for count in counts))


async def _rounds(run_dir: Path, *, count: bool) -> list[Cost]:
    counters = [WriteCounter(), WriteCounter()]
    async with (
        microsoft(run_dir) as (simulation, tokens, graph),
        azurite(run_dir) as storage,
        _counted(storage, counters) as counted,
        synced(counted if count else storage, simulation, tokens, graph) as own,
    ):
        # The partner tenant is not measured.
        await own.storage.sync_schedule.remove(first_sync(own.tenant))
        refs, meter = await _customers(own), Meter(own, graph, counters)
        return [await meter.round(refs, ahead) for ahead in (QUEUED_FOR * 2, INTERVAL * 2)]


async def measure() -> tuple[Cost, Cost]:
    """Return the cost of a customer's first sync, and of the next one without changes."""
    with tempfile.TemporaryDirectory() as folder:
        counted = await _rounds(Path(folder), count=True)
    with tempfile.TemporaryDirectory() as folder:
        timed = await _rounds(Path(folder), count=False)
    first, later = (
        replace(
            count,
            processor_seconds=alone.processor_seconds,
            search_seconds=alone.search_seconds,
        )
        for count, alone in zip(counted, timed, strict=True)
    )
    return first, later
