"""Mutations of a response: each of its fields, replaced by each kind of odd value."""

import copy
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, override

ABSENT = object()


def _nested(depth: int) -> Any:
    return [_nested(depth - 1)] if depth else []


ODDITIES: dict[str, Any] = {
    "null": None,
    "absent": ABSENT,
    "a number": 7,
    "a negative number": -1,
    "a huge number": 10**400,
    "a fraction": 0.5,
    "true": True,
    "a text": "x",
    "an empty text": "",
    "a long text": "x" * 100_000,
    "half a character": "x\ud800",
    "control characters": "\x00\n\u2028",
    "a list": [],
    "a list of texts": ["x"],
    "an object": {},
    "a deep list": _nested(300),
    "year 1": "0001-01-01T00:00:00Z",
    "year 9999": "9999-12-31T23:59:59-12:00",
    "year 1500": "1500-01-01T00:00:00Z",
    "a date to come": "2150-06-01T00:00:00Z",
}

type Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A response with one field replaced.

    Args:
        place: Where the field is.
        oddity: The kind of the odd value there.
    """

    place: Place
    oddity: str
    answer: Any

    @override
    def __str__(self) -> str:
        """Name the case."""
        return f"{'.'.join(map(str, self.place)) or 'the answer'}: {self.oddity}"


def mutations(sample: Any, *, first_of: int = 1) -> Iterator[Mutation]:
    """Yield every mutation of a sample.

    Args:
        first_of: How many items of each list are mutated; the others are similar.
    """
    for place in ((), *_places(sample, first_of)):
        for name, oddity in ODDITIES.items():
            if place or oddity is not ABSENT:
                yield Mutation(place, name, _mutated(sample, place, oddity))


def _places(value: Any, first_of: int, at: Place = ()) -> Iterator[Place]:
    match value:
        case dict():
            items: Sequence[tuple[str | int, Any]] = list(value.items())
        case list():
            items = list(enumerate(value[:first_of]))
        case _:
            return
    for key, item in items:
        yield (*at, key)
        yield from _places(item, first_of, (*at, key))


def _mutated(sample: Any, place: Place, oddity: Any) -> Any:
    if not place:
        return oddity
    answer = copy.deepcopy(sample)
    parent = answer
    for key in place[:-1]:
        parent = parent[key]
    if oddity is ABSENT:
        del parent[place[-1]]
    else:
        parent[place[-1]] = oddity
    return answer


def some_of(cases: Sequence[Mutation], fewest: int) -> list[Mutation]:
    """Return a reproducible sample of the cases; with `FUZZ=all`, all of them."""
    if os.environ.get("FUZZ") == "all":
        return list(cases)
    return random.Random(len(cases)).sample(list(cases), min(fewest, len(cases)))  # noqa: S311  not a secret
