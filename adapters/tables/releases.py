"""Rows that another release wrote: content unknown to this release is ignored or refused.

The other release may be newer: it may have written rows before it was rolled back.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from azure.data.tables import TableEntity

from domain.errors import StorageUnavailable
from domain.ports.page import Page

_log = logging.getLogger(__name__)


def known[E: StrEnum](kind: type[E], word: str) -> E:
    """Return the member for a stored word; a word that this release does not know is refused.

    Raises:
        StorageUnavailable: This release does not know the word.
    """
    try:
        return kind(word)
    except ValueError:
        raise StorageUnavailable("A row was written by another release.") from None


def readable[T](what: str, read: Callable[[TableEntity], T], row: TableEntity) -> T | None:
    """Read a row of a list; log a row that this release cannot read, and return None for it.

    Args:
        what: The kind of row, for the log.
    """
    try:
        return read(row)
    except (StorageUnavailable, LookupError, TypeError, ValueError) as error:
        _log.warning("%s is left alone, it cannot be read here: %s", what, type(error).__name__)
        return None


def readable_page[T](page: Page[T | None]) -> Page[T]:
    """Return a page without the rows that could not be read."""
    return Page(tuple(item for item in page.items if item is not None), page.next_token)
