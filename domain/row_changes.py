"""Changes: rows written together, guarded by the versions that the decision was made on."""

from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import MspId


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
