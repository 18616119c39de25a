"""Row changes: written in one transaction, if the rows still have the versions that were read."""

from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import MspId


class Row(Protocol):
    """A value that is a row of the table `msps`: its class is one of `domain.row_kinds`."""

    @property
    def msp_id(self) -> MspId:
        """Whose row it is."""
        ...


@dataclass(frozen=True, slots=True)
class Versioned[T]:
    """A value as it was read, with its ETag at that time."""

    value: T
    version: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A row that must not exist yet."""

    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """A row to overwrite, if it still has the version that was read."""

    row: Row
    version: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to delete, if it still has the version that was read."""

    row: Row
    version: str


type RowChange = Insert | Replace | Remove


@dataclass(frozen=True, slots=True)
class Decision[R]:
    """The decision of a pure rule: the rows to write in one transaction, and the result."""

    result: R
    operations: tuple[RowChange, ...] = ()


def write[R: Row](row: R, known: Versioned[R] | None) -> RowChange:
    """Return the change that replaces the known row, or inserts the row if there is none."""
    return Replace(row, known.version) if known else Insert(row)
