"""Route templates as the Functions host reads them: `tenants/{tenantId}`, `alerts/{alertId:guid}`.

`guid` is the one constraint that the app may use. A path that does not fit it goes on to the next
function.
"""

import re

from domain.identifiers import is_guid

_PARAMETER = re.compile(r"{(\w+)(:guid)?}")


def checked(template: str) -> str:
    """Return a template that the app can read.

    Raises:
        ValueError: It has a constraint that only the host would know.
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
    """Tell whether a path names something by a template, in any case.

    Args:
        path: As the host decodes it. A percent sign that is left in it names nothing.
    """
    segments, parts = template.split("/"), path.strip("/").split("/")
    return len(segments) == len(parts) and all(map(_takes, segments, parts))


def _takes(segment: str, part: str) -> bool:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        return segment.lower() == part.lower()
    return is_guid(part) if parameter[2] else part != "" and "%" not in part
