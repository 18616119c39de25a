"""Rows that another release wrote: what they have beyond this one is ignored or refused.

Releases follow each other in both directions: a newer one writes rows, and is then taken back.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from azure.data.tables import TableEntity

from domain.errors import StorageUnavailable
from domain.ports.page import Page

_log = logging.getLogger(__name__)


def known[E: StrEnum](kind: type[E], word: str) -> E:
    """Return a stored word, if this release knows it: what it does not know it must not guess.

    Raises:
        StorageUnavailable: It does not.
    """
    try:
        return kind(word)
    except ValueError:
        raise StorageUnavailable("A row was written by another release.") from None


def readable[T](what: str, read: Callable[[TableEntity], T], row: TableEntity) -> T | None:
    """Read a row of a list; None for one that this release cannot read, and a line in the log.

    Args:
        what: Names the kind of row in the log.
    """
    try:
        return read(row)
    except (StorageUnavailable, LookupError, TypeError, ValueError) as error:
        _log.warning("%s is left alone, it cannot be read here: %s", what, type(error).__name__)
        return None


def readable_page[T](page: Page[T | None]) -> Page[T]:
    """Return a page without what could not be read."""
    return Page(tuple(item for item in page.items if item is not None), page.next_token)
