"""Pages of lists."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list, and the token of the next part, or None at the end.

    The token is a position that callers may not choose, so the edge signs it.
    """

    items: tuple[T, ...]
    next_token: str | None = None

    def map[R](self, change: Callable[[T], R]) -> "Page[R]":
        """Return the page with each item changed."""
        return Page(tuple(map(change, self.items)), self.next_token)
