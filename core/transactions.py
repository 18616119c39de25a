"""Read, decide, commit: the pattern of every change of stored state."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from domain.errors import ConcurrentChange
from domain.row_changes import Decision, RowChange

_ATTEMPTS = 30
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 1.0


async def decide_and_commit[S, R](
    read: Callable[[], Awaitable[S]],
    decide: Callable[[S], Decision[R]],
    commit: Callable[[tuple[RowChange, ...]], Awaitable[None]],
) -> R:
    """Read, decide, commit; start again if another writer was first.

    Args:
        read: Reads the rows with their versions.
        decide: A pure rule; it may raise an error to refuse.
        commit: Writes all changes in one transaction.

    Raises:
        ConcurrentChange: Other writers were first at every attempt.
    """
    for attempt in range(_ATTEMPTS):
        decision = decide(await read())
        try:
            if decision.operations:
                await commit(decision.operations)
        except ConcurrentChange:
            # Back off with jitter, so that concurrent writers do not collide again.
            longest = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311  no secret
        else:
            return decision.result
    raise ConcurrentChange("the rows kept changing; try again")
