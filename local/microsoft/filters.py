"""OData's `$filter`, as far as Graph's requests use it.

https://learn.microsoft.com/graph/filter-query-parameter
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from local.microsoft.answers import Refused

type Document = dict[str, Any]
type Test = Callable[[Document], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>[(),])|(?P<word>[A-Za-z@][\w./@]*)"
    r"|(?P<value>-?[\w.:+-]+))"
)
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$")
_CONSTANTS = {"true": True, "false": False, "null": None}
_COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: a is not None and bool(a > b),
    "ge": lambda a, b: a is not None and bool(a >= b),
    "lt": lambda a, b: a is not None and bool(a < b),
    "le": lambda a, b: a is not None and bool(a <= b),
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": lambda text, start: text.startswith(start),
    "endswith": lambda text, end: text.endswith(end),
    "contains": lambda text, part: part in text,
}


def parsed(text: str) -> Test:
    """Return the test that a filter describes.

    Raises:
        Refused: 400, it is not a filter that Graph understands.
    """
    parser = _Parser(_tokens(text))
    test = parser.either()
    if parser.tokens:
        raise _invalid()
    return test


def comparable(value: Any) -> Any:
    """Return a value in a form that compares as Graph does: times by moment, text in any case."""
    if isinstance(value, str) and _TIME.match(value):
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)).timestamp()
    return value.casefold() if isinstance(value, str) else value


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _invalid()
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def _next(self, expected: str | None = None) -> str:
        if not self.tokens or (expected is not None and self.tokens[0] != expected):
            raise _invalid()
        return self.tokens.pop(0)

    def _comes(self, word: str) -> bool:
        return bool(self.tokens) and self.tokens[0] == word and bool(self.tokens.pop(0))

    def either(self) -> Test:
        tests = [self._both()]
        while self._comes("or"):
            tests.append(self._both())
        return lambda document: any(test(document) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._comes("and"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._comes("not"):
            test = self._one()
            return lambda document: not test(document)
        if self._comes("("):
            test = self.either()
            self._next(")")
            return test
        name = self._next()
        return self._call(name) if name in _FUNCTIONS else self._comparison(name)

    def _call(self, name: str) -> Test:
        self._next("(")
        path = self._next()
        self._next(",")
        wanted = str(_constant(self._next())).casefold()
        self._next(")")
        return lambda d: _FUNCTIONS[name](str(_value(d, path) or "").casefold(), wanted)

    def _comparison(self, path: str) -> Test:
        sign = self._next()
        if sign == "in":
            wanted = self._values()
            return lambda document: comparable(_value(document, path)) in wanted
        if sign not in _COMPARES:
            raise _invalid()
        value = comparable(_constant(self._next()))
        return lambda document: _compares(sign, comparable(_value(document, path)), value)

    def _values(self) -> list[Any]:
        self._next("(")
        values = [comparable(_constant(self._next()))]
        while self._comes(","):
            values.append(comparable(_constant(self._next())))
        self._next(")")
        return values


def _compares(sign: str, found: Any, wanted: Any) -> bool:
    try:
        return _COMPARES[sign](found, wanted)
    except TypeError:
        raise _invalid() from None


def _constant(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    return int(token) if token.lstrip("-").isdigit() else token


def _value(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _invalid() -> Refused:
    return Refused(400, "BadRequest", "Invalid filter clause.")
