"""The search algorithm: the first users, across all tenants, that contain a text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from domain.tenant import ListedTenant
from domain.user_block import UserBlock, read_answer

MOST = 150

# A match's sort key, and its position: block and line.
type _Match = tuple[bool, str, int, int]


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user, by Graph's property names, and the tenant that it is in."""

    tenant: ListedTenant
    user: dict[str, Any]


def search(
    blocks: Iterable[tuple[ListedTenant, UserBlock]], wanted: str, most: int = MOST
) -> list[FoundUser]:
    """Return the first users with the text in a name or address, enabled first, then by name.

    Blocks are in that order already, so each is read only as far as its matches are needed.

    Args:
        wanted: The text, folded in the same way as the blocks.
    """
    ordered = list(blocks)
    matches = [_matches(number, block, wanted) for number, (_, block) in enumerate(ordered)]
    lines: dict[int, list[str]] = {}
    found = []
    for _, _, number, line in islice(merge(*matches), most):
        tenant, block = ordered[number]
        if number not in lines:
            lines[number] = block.answers.split("\n")
        found.append(FoundUser(tenant, read_answer(lines[number][line])))
    return found


def _matches(number: int, block: UserBlock, wanted: str) -> Iterator[_Match]:
    """Yield the lines that contain the text, in order, lazily."""
    text, line, start = block.folded, 0, 0
    while (at := text.find(wanted, start)) >= 0:
        line += text.count("\n", start, at)
        first = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield (line >= block.enabled, text[first:end], number, line)
        start = end
