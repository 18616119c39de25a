"""Read, decide, commit: how every change of stored state is made."""

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
    """Read, decide, commit; and start over when somebody else was faster.

    Args:
        read: Reads the rows with their versions.
        decide: A pure rule; it may raise to refuse.
        commit: Writes all operations in one transaction.

    Raises:
        ConcurrentChange: Others were faster every time.
    """
    for attempt in range(_ATTEMPTS):
        decision = decide(await read())
        try:
            if decision.operations:
                await commit(decision.operations)
        except ConcurrentChange:
            # Spread the rivals, the wider the more of them there are: else they meet again.
            longest = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311  no secret
        else:
            return decision.result
    raise ConcurrentChange("the rows kept changing; try again")
