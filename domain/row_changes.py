"""Changes: rows written together, guarded by the versions that the decision was made on."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from domain.errors import ConcurrentChange
from domain.identifiers import MspId

_ATTEMPTS = 30
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 1.0


class Row(Protocol):
    """A value that is a row of the table `msps`: its class is one of `domain.rows`."""

    @property
    def msp_id(self) -> MspId:
        """Whose row it is."""
        ...


@dataclass(frozen=True, slots=True)
class Versioned[T]:
    """A value as it was read, with the ETag that it had."""

    value: T
    version: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A row that must not exist yet."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """A row that must still be the version that was read."""

    row: Row
    version: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to delete, if it still is the version that was read."""

    row: Row
    version: str


type RowChange = Insert | Replace | Remove


@dataclass(frozen=True, slots=True)
class Decision[R]:
    """What a pure rule decided: the rows to write in one transaction, and the answer."""

    result: R
    operations: tuple[RowChange, ...] = ()


def write[R: Row](row: R, known: Versioned[R] | None) -> RowChange:
    """Return the operation that puts a row in place of the known one, or in none's place."""
    return Replace(row, known.version) if known else Insert(row)


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
