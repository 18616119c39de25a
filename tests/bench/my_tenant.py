"""Requests a second of GET /my-tenant against a route of the same host that does nothing.

Run by `make bench`. Rounds alternate, so that the machine's mood meets both alike.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from local.browser import Browser
from local.seed import CONTOSO
from local.stack import Stack

_ROUNDS, _CALLERS, _CALLS = 5, 50, 400


async def _requests_a_second(browser: Browser, path: str) -> float:
    owner, left = CONTOSO.staff[0], iter(range(_CALLS))

    async def caller() -> None:
        for _ in left:
            reply = await browser.call(owner, "GET", path)
            if reply.status not in (200, 404):
                raise RuntimeError(f"{path} answered {reply.status}")

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return _CALLS / (time.perf_counter() - began)


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Stack(Path(folder), timers=False) as stack,
            Browser(stack.api, stack.microsoft, stack.ca) as browser,
        ):
            await browser.consent(CONTOSO.staff[0])
            rounds = []
            for _ in range(_ROUNDS):
                nothing = await _requests_a_second(browser, "/nothing")
                rounds.append((nothing, await _requests_a_second(browser, "/my-tenant")))
    ratios = [my_tenant / nothing for nothing, my_tenant in rounds]
    print(f"{_ROUNDS} rounds of {_CALLS} requests by {_CALLERS} callers")
    print(f"a route that does nothing: {statistics.median(n for n, _ in rounds):.0f} a second")
    print(f"GET /my-tenant:            {statistics.median(m for _, m in rounds):.0f} a second")
    print(f"ratio (median of rounds):  {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    asyncio.run(_run())
