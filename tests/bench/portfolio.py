"""Search, summary and tenant list over 100,000 users, over HTTP through the local host.

One MSP has 200 tenants of 500 users, another 1,000 tenants of 100. They are written to storage as
sync would leave them; the cost of a sync is measured elsewhere.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import batched
from pathlib import Path
from uuid import UUID

from adapters.tables.storage import Storage
from core.known_data_sets import DATA_SETS
from domain.identifiers import Epoch, MspId, TenantId
from domain.ports.user_index import BlockReplacement
from domain.row_changes import Insert
from domain.sync_state import DataSetState, ReadState, RollUp, SyncPhase, SyncState
from domain.tenant import Tenant
from domain.user_block import INDEX_VERSION, blocks_of, entry_of
from local.azurite import connection_string
from local.browser import Browser
from local.microsoft.people import user
from local.sample_data import CONTOSO, FABRIKAM, SeedMsp
from local.stack import Stack
from tests.faults.proxy import Proxy, WriteCounter
from tests.samples import NOW, tenant

LAYOUTS = ((CONTOSO, 200, 500), (FABRIKAM, 1000, 100))
# A common text, a name, one with accents, another script, one user, nobody, and two characters.
QUERIES = ("user", "vance", "bj%C3%B6rn", "%E6%9D%8E%E5%A8%9C", "user77.1042@", "zzzz", "er")
_SEARCHES, _COLD, _SUMMARIES = 210, 5, 20
_AT_ONCE = 16
_FIRST_NUMBER = 1000

type Ask = Callable[[str], Awaitable[float]]


async def seed(storage: Storage, msp: SeedMsp, tenants: int, users: int) -> None:
    """Write an MSP's tenants to storage, with their index and their roll-ups."""
    rows = [
        tenant(
            TenantId(str(UUID(int=(number * 2654435761) << 96 & (1 << 128) - 1))),
            msp_id=MspId(msp.msp_id),
            epoch=Epoch(UUID(int=number).hex),
            display_name=f"Customer {number}",
        )
        for number in range(_FIRST_NUMBER, _FIRST_NUMBER + tenants)
    ]
    for batch in batched(rows, 100, strict=False):
        await storage.msps.commit([Insert(row) for row in batch])
    for group in batched(enumerate(rows, _FIRST_NUMBER), _AT_ONCE, strict=False):
        await asyncio.gather(*(_synced(storage, row, number, users) for number, row in group))


async def _synced(storage: Storage, row: Tenant, number: int, users: int) -> None:
    people = [user(number, index, f"customer{number}.com") for index in range(users)]
    blocks = blocks_of("", {each["id"]: entry_of(each["id"], each) for each in people})
    await storage.user_index.write(
        row.ref, [BlockReplacement(block.name, [block]) for block in blocks]
    )
    enabled = sum(block.enabled for block in blocks)
    read = DataSetState(
        *("", ReadState.SUCCEEDED, 9, NOW, NOW, 100), digest="d" * 32, indexed=INDEX_VERSION
    )
    state = SyncState(
        row.ref,
        SyncPhase.SUCCEEDED,
        NOW,
        first_synced_at=NOW,
        last_synced_at=NOW,
        data_sets={name: replace(read, name=name) for name in DATA_SETS},
        roll_up=RollUp(users, enabled, 300, 250, 210.55, 304.0, 3, 2, 1),
    )
    await storage.sync_states.add(state)


@asynccontextmanager
async def asking(stack: Stack, msp: SeedMsp) -> AsyncIterator[Ask]:
    """Yield a function that calls the API and returns the seconds until the response."""
    async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
        member = msp.staff[0]
        await browser.token(member.tid, member.oid)

        async def ask(path: str) -> float:
            began = time.perf_counter()
            reply = await browser.call(member, "GET", path)
            if reply.status != 200:
                raise RuntimeError(f"{path} answered {reply.status}: {reply.body}")
            return time.perf_counter() - began

        await browser.call(member, "GET", "/nothing")  # fetch its token before the timing starts
        yield ask


def percentile(seconds: Iterable[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def shown(name: str, seconds: list[float]) -> str:
    """Return a measurement as a line of text."""
    p50, p95, most = percentile(seconds, 50), percentile(seconds, 95), 1000 * max(seconds)
    return f"  {name:44} p50 {p50:6.0f} ms  p95 {p95:6.0f} ms  longest {most:6.0f} ms"


async def _restart(stack: Stack, **settings: str) -> None:
    await stack.stop_host()
    await stack.start_host(settings)


async def _cold(stack: Stack, msp: SeedMsp) -> list[float]:
    """Return how long the first search of each of some fresh processes takes."""
    seconds = []
    for number in range(_COLD):
        await _restart(stack)
        async with asking(stack, msp) as ask:
            seconds.append(await ask(f"/portfolio/users?search={QUERIES[number]}"))
    return seconds


async def _searches(stack: Stack, msp: SeedMsp) -> list[float]:
    async with asking(stack, msp) as ask:
        await ask("/portfolio/users?search=warm")
        return [
            await ask(f"/portfolio/users?search={QUERIES[number % len(QUERIES)]}")
            for number in range(_SEARCHES)
        ]


async def _pages(ask: Ask, stack: Stack, msp: SeedMsp) -> list[float]:
    """Return how long each page of the tenant list takes."""
    seconds: list[float] = []
    async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
        link = "/tenants?pageSize=100"
        while link:
            seconds.append(await ask(link))
            link = (await browser.call(msp.staff[0], "GET", link)).body["nextLink"]
    return seconds


async def _measure(stack: Stack, msp: SeedMsp, name: str) -> None:
    print(name)
    print(shown("search, first of a fresh process", await _cold(stack, msp)))
    print(shown("search, warm", await _searches(stack, msp)))
    async with asking(stack, msp) as ask:
        await ask("/portfolio/summary")
        print(shown("summary", [await ask("/portfolio/summary") for _ in range(_SUMMARIES)]))
        print(shown("a page of 100 tenants", await _pages(ask, stack, msp)))
    await _restart(stack, SEARCH_CACHE_SECONDS="0")
    print(shown("search, each comparing all versions", await _searches(stack, msp)))


async def _operations(stack: Stack, msp: SeedMsp, name: str) -> None:
    """Print the storage operations of each kind of request, after the token check."""
    counter = WriteCounter()
    async with Proxy(counter, lambda: stack.ports.table) as tables:
        through = connection_string(stack.ports.blob, stack.ports.queue, tables.port)
        await _restart(stack, STORAGE_CONNECTION_STRING=through)
        async with asking(stack, msp) as ask:
            await ask("/me")
            counts = []
            for path in (
                "/portfolio/users?search=user",
                "/portfolio/users?search=user",
                "/portfolio/summary",
                "/tenants?pageSize=100",
            ):
                before = counter.requests
                await ask(path)
                counts.append(counter.requests - before)
        await stack.stop_host()
    print(f"{name}: storage operations")
    for what, count in zip(
        ("search, first", "search, warm", "summary", "a page of 100 tenants"), counts, strict=True
    ):
        print(f"  {what:24} {count}")


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), timers=False) as stack:
            storage = Storage.connect(stack.storage)
            for msp, tenants, users in LAYOUTS:
                await seed(storage, msp, tenants, users)
            await storage.close()
            for msp, tenants, users in LAYOUTS:
                name = f"{tenants} tenants of {users} users"
                await _measure(stack, msp, name)
                await _operations(stack, msp, name)


if __name__ == "__main__":
    asyncio.run(_run())
