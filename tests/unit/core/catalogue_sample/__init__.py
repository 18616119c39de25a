"""A package with two values of one name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    name: str
