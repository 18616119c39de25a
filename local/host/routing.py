"""Routes as ASP.NET resolves them: literal before parameter before catch-all, in any case.

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-template-precedence
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.worker import Function

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CONSTRAINTS = {"guid": _GUID, "int": r"-?\d+", "alpha": r"[A-Za-z]+", "bool": "true|false"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a template: a literal, a parameter, or the catch-all."""

    text: str
    parameter: str | None = None
    constraint: str | None = None
    optional: bool = False
    catch_all: bool = False

    @property
    def precedence(self) -> int:
        """Smaller is tried first."""
        if self.parameter is None:
            return 1
        if self.catch_all:
            return 5
        return 2 if self.constraint else 3

    def takes(self, part: str) -> bool:
        """Tell whether the segment matches one part of a path."""
        if self.parameter is None:
            return part.lower() == self.text.lower()
        if self.constraint is None:
            return True
        return re.fullmatch(_CONSTRAINTS[self.constraint], part, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Template:
    """A function's route, and the methods that it takes."""

    function: Function
    segments: tuple[Segment, ...]
    methods: frozenset[str]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters of a path that the template matches, else None."""
        parts = [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []
        parameters: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if segment.catch_all:
                parameters[segment.parameter or ""] = "/".join(parts[index:])
                return parameters
            if index >= len(parts):
                return parameters if segment.optional else None
            if not segment.takes(parts[index]):
                return None
            if segment.parameter:
                parameters[segment.parameter] = parts[index]
        return parameters if len(parts) <= len(self.segments) else None


class RouteTable:
    """All HTTP functions, in the order in which they are tried.

    Args:
        prefix: host.json's `extensions.http.routePrefix`.
    """

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        templates = [_template(f, prefix) for f in functions if f.kind == "httpTrigger"]
        self._templates = sorted(
            templates, key=lambda t: [*(s.precedence for s in t.segments), 0][:20]
        )

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | frozenset[str]:
        """Return the function that takes a request with its parameters, else the methods allowed.

        A template that matches the path but not the method lets the next one try. No methods at
        all means that no template matches the path.
        """
        allowed: frozenset[str] = frozenset()
        for template in self._templates:
            parameters = template.match(path)
            if parameters is None:
                continue
            if method in template.methods:
                return template.function, parameters
            allowed |= template.methods
        return allowed


def _template(function: Function, prefix: str) -> Template:
    route = function.trigger.get("route") or function.name
    full = f"{prefix}/{route}".strip("/")
    methods = function.trigger.get("methods") or ["GET", "POST"]
    segments = tuple(_segment(part) for part in full.split("/")) if full else ()
    return Template(function, segments, frozenset(str(m).upper() for m in methods))


def _segment(text: str) -> Segment:
    if not (text.startswith("{") and text.endswith("}")):
        return Segment(text)
    name = text[1:-1]
    if name.startswith("*"):
        return Segment(text, parameter=name.lstrip("*"), catch_all=True)
    optional = name.endswith("?")
    name, _, constraint = name.rstrip("?").partition(":")
    return Segment(text, name, constraint or None, optional)
