"""Constraints of route parameters, as in ASP.NET; each is checked against a value.

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
"""

import re
from collections.abc import Callable

type Constraint = Callable[[str], bool]

_DIGITS = "[0-9a-f]"
_HYPHENS = rf"{_DIGITS}{{8}}(?:-{_DIGITS}{{4}}){{3}}-{_DIGITS}{{12}}"
_BYTES = ",".join([rf"0x0*{_DIGITS}{{1,2}}"] * 8)
# Guid.TryParse accepts these five forms with white space around them, and within the last one.
# https://learn.microsoft.com/dotnet/api/system.guid.tryparse
_GUID = re.compile(
    rf"{_DIGITS}{{32}}|{_HYPHENS}|\{{{_HYPHENS}\}}|\({_HYPHENS}\)", re.IGNORECASE | re.ASCII
)
_HEXADECIMAL_GUID = re.compile(
    rf"\{{0x0*{_DIGITS}{{1,8}},0x0*{_DIGITS}{{1,4}},0x0*{_DIGITS}{{1,4}},\{{{_BYTES}\}}\}}",
    re.IGNORECASE | re.ASCII,
)
_INT = re.compile(r"[+-]?[0-9]+")
_ALPHA = re.compile(r"[a-z]*", re.IGNORECASE)


def _guid(value: str) -> bool:
    return (
        _GUID.fullmatch(value.strip()) is not None
        or _HEXADECIMAL_GUID.fullmatch("".join(value.split())) is not None
    )


def _int(value: str) -> bool:
    """Return whether Int32.TryParse accepts the value."""
    text = value.strip()
    return _INT.fullmatch(text) is not None and -(2**31) <= int(text) < 2**31


def _alpha(value: str) -> bool:
    return _ALPHA.fullmatch(value) is not None


def _bool(value: str) -> bool:
    return value.strip().lower() in {"true", "false"}


_PLAIN: dict[str, Constraint] = {"guid": _guid, "int": _int, "alpha": _alpha, "bool": _bool}


def constraint(name: str, argument: str | None) -> Constraint:
    """Return the constraint that a template names.

    Raises:
        ValueError: The local host does not know it. Not starting is better than routing wrongly.
    """
    if name == "regex" and argument is not None:
        pattern = re.compile(argument, re.IGNORECASE)
        return lambda value: pattern.search(value) is not None
    if argument is None and name in _PLAIN:
        return _PLAIN[name]
    raise ValueError(f"the local host does not know the constraint {name}")
