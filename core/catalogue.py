"""Catalogues: the values of one type in all modules of a package, by name."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Protocol


class Named(Protocol):
    """A value of a catalogue."""

    @property
    def name(self) -> str:
        """The name, which is unique in the catalogue."""
        ...


def load[T: Named](package: ModuleType, kind: type[T]) -> Mapping[str, T]:
    """Return the values of a type in a package's modules, in the order of modules and lines.

    Raises:
        ValueError: Two values have the same name.
    """
    found: dict[str, T] = {}
    for value in _values(package, kind):
        if found.setdefault(value.name, value) is not value:
            raise ValueError(f"two values are called {value.name}")
    return found


def _values[T: Named](package: ModuleType, kind: type[T]) -> Iterator[T]:
    for module in sorted(iter_modules(package.__path__), key=lambda found: found.name):
        loaded = import_module(f"{package.__name__}.{module.name}")
        yield from (value for value in vars(loaded).values() if isinstance(value, kind))
