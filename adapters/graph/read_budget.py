"""The time that one read of a tenant may wait for Graph."""

import asyncio
import random
from dataclasses import dataclass, field

from adapters.graph.answers import GraphError
from domain.ports.graph_reader import ReadCost

_MOST_ATTEMPTS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 16.0


@dataclass(slots=True)
class ReadBudget:
    """The time that one read of a tenant may wait, and its cost so far.

    Args:
        seconds: How long it may wait for Graph in total.
        spent: The part of this time that pauses and failed requests have used.
    """

    seconds: float
    cost: ReadCost = field(default_factory=ReadCost)
    spent: float = 0.0

    async def wait(self, error: GraphError, attempt: int = 0) -> None:
        """Wait exactly as long as Graph asks, or with jitter if it does not name a time.

        Raises:
            GraphError: The given error: it is permanent, or the wait exceeds the budget.
        """
        pause = error.retry_after if error.retry_after is not None else _backoff(attempt)
        enough = self.spent + pause > self.seconds
        if not error.is_passing or enough or attempt >= _MOST_ATTEMPTS:
            raise error
        await asyncio.sleep(pause)
        self.cost.throttled_seconds += pause
        self.spent += pause


def _backoff(attempt: int) -> float:
    longest = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311  no secret
