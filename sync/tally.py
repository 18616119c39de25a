"""Counts of what a sync did with the records of a data set."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts of what a sync did with the records of a data set."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    unreadable: int = 0
