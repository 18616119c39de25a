"""Rounds of alternatives side by side, so that changing load affects all equally."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

type Rival = Callable[[], Awaitable[None]]

ROUNDS = 5


async def _nothing() -> None:
    pass


async def side_by_side(
    rivals: Mapping[str, Rival], rounds: int = ROUNDS, before: Rival = _nothing
) -> dict[str, list[float]]:
    """Run each alternative once per round, and print it; return the seconds of each round.

    Args:
        before: Prepares the same conditions before each alternative; not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(1, rounds + 1):
        for name, rival in rivals.items():
            await before()
            began = time.perf_counter()
            await rival()
            seconds[name].append(time.perf_counter() - began)
        taken = ", ".join(f"{name} {times[-1]:.2f} s" for name, times in seconds.items())
        print(f"  round {number}: {taken}", flush=True)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def median(seconds: list[float]) -> float:
    """Return the median."""
    return statistics.median(seconds)
