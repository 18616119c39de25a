"""Routes as Microsoft's host resolves them: tried in alphabetical order of the functions' names.

Neither the order of registration matters, nor whether a template has literals or parameters.
https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Host/FunctionMetadataManager.cs
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.host.constraints import Constraint, constraint
from local.host.worker import Function

_BRACES = r"\{(?:[^{}]|\{\{|\}\})*\}"
# A slash within braces, as in a regex, is not a separator.
_SEGMENT = re.compile(rf"(?:{_BRACES}|[^/{{}}])+")
_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>:.*?)?(?P<optional>\?)?\}"
)
_CONSTRAINT = re.compile(r":(\w+)(?:\((.*?)\))?(?=:|$)")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a template: a literal, a parameter, or the catch-all."""

    text: str
    parameter: str | None = None
    constraints: tuple[Constraint, ...] = ()
    optional: bool = False
    catch_all: bool = False

    def takes(self, part: str) -> bool:
        """Return whether the segment matches one part of a path."""
        if self.parameter is None:
            return part.lower() == self.text.lower()
        return all(holds(part) for holds in self.constraints)


@dataclass(frozen=True, slots=True)
class Template:
    """A function's route, and the methods that it accepts; if none are named, it accepts any."""

    function: Function
    segments: tuple[Segment, ...]
    methods: frozenset[str]

    def takes(self, method: str) -> bool:
        """Return whether the function accepts a method."""
        return not self.methods or method in self.methods

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Return the parameters of a path that the template matches, else None."""
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
        # StringComparer.OrdinalIgnoreCase compares capitals: an underscore sorts after letters.
        self._templates = sorted(templates, key=lambda t: t.function.name.upper())

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """Return the function that handles a request, with its parameters.

        If a template matches the path but not the method, the next template is tried.

        Args:
            path: Decoded. One slash at its end is ignored; an empty part matches no route.
        """
        parts = path.removeprefix("/").removesuffix("/").split("/") if path != "/" else []
        if "" in parts:
            return None
        for template in self._templates:
            if not template.takes(method):
                continue
            parameters = template.match(parts)
            if parameters is not None:
                return template.function, parameters
        return None


def _template(function: Function, prefix: str) -> Template:
    route = function.trigger.get("route") or function.name
    segments = tuple(_segment(part) for part in _SEGMENT.findall(f"{prefix}/{route}"))
    methods = function.trigger.get("methods") or []
    return Template(function, segments, frozenset(str(m).upper() for m in methods))


def _segment(text: str) -> Segment:
    if "{" not in text:
        return Segment(text)
    found = _PARAMETER.fullmatch(text)
    if found is None:
        raise ValueError(f"the local host does not know templates such as {text}")
    return Segment(
        text,
        found["name"],
        _constraints(found["constraints"] or ""),
        optional=bool(found["optional"]),
        catch_all=bool(found["star"]),
    )


def _constraints(text: str) -> tuple[Constraint, ...]:
    text = text.replace("{{", "{").replace("}}", "}")
    found = list(_CONSTRAINT.finditer(text))
    if "".join(one[0] for one in found) != text:
        raise ValueError(f"the local host does not know constraints such as {text}")
    return tuple(constraint(one[1], one[2]) for one in found)
