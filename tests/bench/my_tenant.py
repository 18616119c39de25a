"""GET /my-tenant under 50 callers, compared with a route of the same host that does nothing.

The floor is its three reads of storage, made by 50 callers with aiohttp and without a host.

Run by `make bench`. Rounds alternate, so that changing load affects both equally.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from domain.identifiers import MspId
from local.azurite import connection_string
from local.browser import Browser
from local.sample_data import CONTOSO
from local.stack import Stack
from tests.bench.bare_reads import bare_reads
from tests.faults.proxy import Proxy, WriteCounter

_ROUNDS, _CALLERS, _CALLS = 5, 50, 400
_COUNTED = 20


@dataclass
class Measured:
    """The measurements of one route's rounds."""

    a_second: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def shown(self) -> str:
        """Return the requests per second, and the duration of a request."""
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        rate = statistics.median(self.a_second)
        return f"{rate:5.0f} a second, p50 {1000 * cuts[49]:.0f} ms, p99 {1000 * cuts[98]:.0f} ms"


async def _round(browser: Browser, path: str, measured: Measured) -> float:
    async def call() -> None:
        reply = await browser.call(CONTOSO.staff[0], "GET", path)
        if reply.status not in (200, 404):
            raise RuntimeError(f"{path} answered {reply.status}")

    return await _measure(call, measured)


async def _measure(call: Callable[[], Awaitable[None]], measured: Measured) -> float:
    left = iter(range(_CALLS))

    async def caller() -> None:
        for _ in left:
            began = time.perf_counter()
            await call()
            measured.seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    measured.a_second.append(_CALLS / (time.perf_counter() - began))
    return measured.a_second[-1]


async def _operations(stack: Stack, path: str, *, remember: bool) -> float:
    """Return the storage operations of a request, including its token check."""
    counter = WriteCounter()
    async with Proxy(counter, lambda: stack.ports.table) as tables:
        through = connection_string(stack.ports.blob, stack.ports.queue, tables.port)
        settings = {"STORAGE_CONNECTION_STRING": through}
        await stack.stop_host()
        await stack.start_host(settings | ({} if remember else {"STAFF_CACHE_SECONDS": "0"}))
        async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
            await browser.call(CONTOSO.staff[0], "GET", "/me")
            before = counter.requests
            for _ in range(_COUNTED):
                await browser.call(CONTOSO.staff[0], "GET", path)
        await stack.stop_host()
    return (counter.requests - before) / _COUNTED


async def _run() -> None:
    nothing, my_tenant, floor = Measured(), Measured(), Measured()
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), timers=False) as stack:
            async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
                await browser.consent(CONTOSO.staff[0])
                reads = await bare_reads(stack.storage, MspId(CONTOSO.msp_id))
                ratios, of_floor = [], []
                for _ in range(_ROUNDS):
                    alone = await _round(browser, "/nothing", nothing)
                    bare = await _measure(partial(reads.read, browser.session), floor)
                    rate = await _round(browser, "/my-tenant", my_tenant)
                    ratios.append(rate / alone)
                    of_floor.append(rate / bare)
            whole = await _operations(stack, "/my-tenant", remember=True)
            check = await _operations(stack, "/me", remember=True)
            first_check = await _operations(stack, "/me", remember=False)
    print(f"{_ROUNDS} rounds of {_CALLS} requests by {_CALLERS} callers")
    print(f"a route that does nothing: {nothing.shown()}")
    print(f"GET /my-tenant:            {my_tenant.shown()}")
    print(f"ratio (median of rounds):  {statistics.median(ratios):.2f}")
    print(f"three bare reads:          {floor.shown()}")
    print(f"ratio (median of rounds):  {statistics.median(of_floor):.2f}")
    print(
        f"storage operations: {check:.1f} for the token check ({first_check:.1f} when the role is"
    )
    print(f"                    not remembered), {whole - check:.1f} after it")


if __name__ == "__main__":
    asyncio.run(_run())
