"""Blocks of the search index: a tenant's users, folded and in the order of search results.

The users of a tenant are distributed over blocks by a hash of their IDs, so that a change touches
few blocks. A block's name is the first bits of its hashes. A block that has grown too large is
split in two. At any time, each hash belongs to exactly one block.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from typing import Any
from zlib import crc32

from domain.folding import fold

# Blocks of another version, with other folding or another format, are rebuilt.
INDEX_VERSION = 1
_MOST_USERS = 1000
# This much fits into a row even if it cannot be compressed at all.
_MOST_BYTES = 900 * 1024
# Graph does not allow longer names or addresses; longer texts are cut so that a row always fits.
_LONGEST = 1024
_HASH_BITS = 32
_SEARCHED = ("displayName", "userPrincipalName", "mail")
_TEXTS = (*_SEARCHED, "userType")
_ANSWERED = ("id", *_TEXTS, "accountEnabled")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Whether the user is not enabled, the folded names, and the answer: sorts like search results.
type Entry = tuple[bool, str, str]


def entry_of(key: str, user: Mapping[str, Any]) -> Entry:
    """Return a user's entry in the index."""
    values = [user.get(name) for name in _TEXTS]
    texts = [value[:_LONGEST] if isinstance(value, str) else None for value in values]
    folded = "\t".join(fold(text or "") for text in texts[: len(_SEARCHED)])
    enabled = user.get("accountEnabled")
    known = enabled if isinstance(enabled, bool) else None
    return (known is not True, folded, _encode([key, *texts, known]))


def read_answer(answer: str) -> dict[str, Any]:
    """Return a user's ID and the properties of a search result, by Graph's names."""
    return dict(zip(_ANSWERED, json.loads(answer), strict=True))


@dataclass(frozen=True, slots=True)
class UserBlock:
    """A block of a tenant's users, the enabled ones first, then by name.

    Args:
        name: First bits of the hashes in it, as text.
        folded: One line per user, with folded fields separated by tabs.
        answers: One line of JSON per user.
    """

    name: str
    users: int
    enabled: int
    folded: str
    answers: str

    @classmethod
    def of(cls, name: str, entries: Collection[Entry]) -> "UserBlock":
        """Return a block of these users."""
        ordered = sorted(entries)
        return cls(
            name,
            len(ordered),
            sum(not disabled for disabled, _, _ in ordered),
            "\n".join(folded for _, folded, _ in ordered),
            "\n".join(answer for _, _, answer in ordered),
        )

    def entries(self) -> dict[str, Entry]:
        """Return the users by ID."""
        if not self.users:
            return {}
        folded, answers = self.folded.split("\n"), self.answers.split("\n")
        return {
            json.loads(answer)[0]: (number >= self.enabled, names, answer)
            for number, (names, answer) in enumerate(zip(folded, answers, strict=True))
        }


def covers_every_hash(names: Collection[str]) -> bool:
    """Return whether each hash belongs to exactly one of the named blocks."""
    ordered = sorted(names)
    nested = any(b.startswith(a) for a, b in pairwise(ordered))
    return not nested and sum(2.0 ** -len(name) for name in ordered) == 1


def names_for(users: int) -> list[str]:
    """Return the names of enough blocks for this many users, if they are evenly distributed."""
    bits = max(0, ceil(log2(max(users, 1) / _MOST_USERS)))
    return [format(number, f"0{bits}b") if bits else "" for number in range(2**bits)]


def by_block[T](names: Collection[str], users: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Return the users by block; blocks without users are left out."""
    lengths = sorted({len(name) for name in names})
    divided: dict[str, dict[str, T]] = {}
    for key, value in users.items():
        bits = format(_hash(key), f"0{_HASH_BITS}b")
        name = next(bits[:length] for length in lengths if bits[:length] in names)
        divided.setdefault(name, {})[key] = value
    return divided


def blocks_of(name: str, entries: Mapping[str, Entry]) -> list[UserBlock]:
    """Return the block of these users, or the blocks that it is split into if it is too large."""
    if _fits(entries) or len(name) == _HASH_BITS:
        return [UserBlock.of(name, entries.values())]
    shift = _HASH_BITS - 1 - len(name)
    halves: tuple[dict[str, Entry], dict[str, Entry]] = ({}, {})
    for key, entry in entries.items():
        halves[_hash(key) >> shift & 1][key] = entry
    return blocks_of(f"{name}0", halves[0]) + blocks_of(f"{name}1", halves[1])


def _hash(key: str) -> int:
    return crc32(key.encode("utf-8", "surrogatepass"))


def _fits(entries: Mapping[str, Entry]) -> bool:
    if len(entries) > _MOST_USERS:
        return False
    characters = sum(len(folded) + len(answer) for _, folded, answer in entries.values())
    if characters * 4 <= _MOST_BYTES:
        return True
    return sum(_bytes(folded) + _bytes(answer) for _, folded, answer in entries.values()) <= (
        _MOST_BYTES
    )


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) + 1
