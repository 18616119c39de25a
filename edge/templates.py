"""Route templates as the Functions host reads them: `tenants/{tenantId}`, `alerts/{alertId:guid}`.

`guid` is the only constraint that the app may use. If a path does not match it, the host tries the
next function.
"""

import re

from domain.identifiers import is_guid

_PARAMETER = re.compile(r"{(\w+)(:guid)?}")


def checked(template: str) -> str:
    """Return the template, if the app can parse it.

    Raises:
        ValueError: It has a constraint that only the host knows.
    """
    if set("{}") & set(_PARAMETER.sub("", template)):
        raise ValueError(template)
    return template


def parameters(template: str) -> list[str]:
    """Return the names of a template's parameters, in order."""
    return [found[1] for found in _PARAMETER.finditer(template)]


def plain_path(template: str) -> str:
    """Return a template without its constraints, as OpenAPI writes a path."""
    return _PARAMETER.sub(r"{\1}", template)


def matches(template: str, path: str) -> bool:
    """Return whether a path matches a template, ignoring case.

    Args:
        path: As decoded by the host. A parameter with a remaining percent sign does not match.
    """
    segments, parts = template.split("/"), path.strip("/").split("/")
    return len(segments) == len(parts) and all(map(_takes, segments, parts))


def _takes(segment: str, part: str) -> bool:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        return segment.lower() == part.lower()
    return is_guid(part) if parameter[2] else part != "" and "%" not in part
