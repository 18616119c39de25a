"""Requests put together in batches.

https://learn.microsoft.com/graph/json-batching
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.data_set import DataSet, Report

_LARGEST = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A request for a data set, or for a part of it.

    Args:
        path: Below the version.
        object_id: The object of which it is read, if the data set is read of each of several.
    """

    data_set: DataSet
    path: str
    object_id: str = ""

    @property
    def address(self) -> str:
        """The path with the version."""
        return f"/{self.data_set.version}{self.path}"


def in_batches(parts: Sequence[Part]) -> list[list[Part]]:
    """Return the parts in batches of up to 20 of one version; a report is in none.

    A batch has at most one part that Graph paces. The others are in the first batch if it has room,
    and the batches that have to wait come last.
    """
    reports = [[part] for part in parts if isinstance(part.data_set.shape, Report)]
    first, *others = _filled([part for part in parts if _is_batched(part, "v1.0")]) or [[]]
    beta = _filled([part for part in parts if _is_batched(part, "beta")])
    return [batch for batch in (first, *beta, *reports, *others) if batch]


def _is_batched(part: Part, version: str) -> bool:
    return part.data_set.version == version and not isinstance(part.data_set.shape, Report)


def _filled(parts: Sequence[Part]) -> list[list[Part]]:
    batches = [[part] for part in parts if part.data_set.is_paced]
    for part in parts:
        if not part.data_set.is_paced:
            room = next((batch for batch in batches if len(batch) < _LARGEST), None)
            if room is None:
                batches.append([part])
            else:
                room.append(part)
    order = {id(part): number for number, part in enumerate(parts)}
    return [sorted(batch, key=lambda part: order[id(part)]) for batch in batches]
