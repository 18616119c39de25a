"""Microsoft's published metadata of Graph, from a folder that is not part of the project."""

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_PARAMETER = re.compile(r"\{[^}]*\}")
_LISTED = re.compile(r"CollectionResponse$")


def plain(path: str) -> str:
    """Return a path whose parameters have no names: the lists of Microsoft name them differently.

    A cast is written with and without the namespace.
    """
    return _PARAMETER.sub("{}", path).replace("/microsoft.graph.", "/graph.")


@dataclass(frozen=True)
class Reference:
    """The metadata."""

    folder: Path

    @classmethod
    def from_environment(cls) -> "Reference":
        """Return the metadata in the folder that GRAPH_REFERENCE names."""
        return cls(Path(os.environ["GRAPH_REFERENCE"]))

    def _document(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @cached_property
    def permissions(self) -> dict[str, Any]:
        """The document with the permissions."""
        document: dict[str, Any] = self._document("graph-permissions-v1.json")
        return document

    @cached_property
    def types(self) -> dict[str, Any]:
        """The types by name."""
        types: dict[str, Any] = self._document("graph-types-v1.min.json")["types"]
        return types

    @cached_property
    def _operations(self) -> dict[str, Any]:
        paths = self._document("graph-paths-v1.json")["paths"]
        return {plain(path): methods for path, methods in paths.items()}

    @cached_property
    def _permitted(self) -> dict[str, Any]:
        return {plain(path): methods for path, methods in self.permissions["paths"].items()}

    @cached_property
    def _overrides(self) -> dict[str, Any]:
        return {
            plain(operation): override
            for override in self.permissions["overrides"]
            for operation in override["ops"]
        }

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """The paths as patterns, those with the fewest parameters first."""
        known = sorted(self._operations.keys() | self._permitted.keys(), key=_parameters)
        return {path: re.compile(_pattern(path)) for path in known}

    def path_of(self, requested: str) -> str | None:
        """Return the path of the metadata that a requested one is an example of."""
        wanted = plain(requested)
        return next((p for p, known in self._patterns.items() if known.fullmatch(wanted)), None)

    @cached_property
    def _statuses(self) -> dict[str, list[int]]:
        known = self._document("docs-status-codes.json")["status"]
        return {plain(operation): statuses for operation, statuses in known.items()}

    def statuses(self, method: str, path: str) -> list[int]:
        """Return the statuses of a success, as Microsoft's examples have them."""
        return self._statuses.get(f"{method} {plain(path)}", [])

    def type_named(self, short: str) -> str | None:
        """Return the full name of a type of Graph or of its security part."""
        names = (f"microsoft.graph.{short}", f"microsoft.graph.security.{short}")
        return next((name for name in names if name in self.types), None)

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return what is known of a request, or None if it does not exist."""
        known: dict[str, Any] | None = self._operations.get(plain(path), {}).get(method)
        return known

    def permitted(self, method: str, path: str, kind: str) -> set[str] | None:
        """Return every permission that serves a request, or None if the list lacks the request.

        Args:
            kind: `application` or `delegated`.
        """
        known = self._permitted.get(plain(path), {}).get(method)
        corrected = self._overrides.get(f"{method} {plain(path)}", {}).get("application", {})
        more = {
            name
            for key in ("allOf", "docsAlsoList", "least", "higher")
            for name in corrected.get(key, ())
        }
        if known is None or kind not in known:
            return more or None
        return set(known[kind]["all"]) | more

    def least(self, method: str, path: str) -> set[str]:
        """Return the least privileged application permissions of a request, each sufficient."""
        corrected = self._overrides.get(f"{method} {plain(path)}", {}).get("application", {})
        known = self._permitted.get(plain(path), {}).get(method, {}).get("application", {})
        return set(corrected.get("least", known.get("least", ())))

    def properties(self, name: str | None) -> set[str]:
        """Return the properties of a type and of its base types, navigation included."""
        known = self.types.get(name or "")
        if known is None:
            return set()
        own = {**known.get("properties", {}), **known.get("navigation", {})}
        return set(own) | self.properties(known.get("base"))


def type_of(returns: str | None) -> tuple[str, bool]:
    """Return the short name of what a request returns, and whether that is a list."""
    name = _LISTED.sub("", returns or "")
    return name[:1].lower() + name[1:], name != (returns or "")


def _parameters(path: str) -> int:
    return path.count("{}")


def _pattern(path: str) -> str:
    return re.escape(path).replace(re.escape("{}"), "[^/]+")
