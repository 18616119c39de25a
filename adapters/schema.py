"""Validation of everything that Microsoft sends: each field has a type, bounds and a length.

If a document is refused, the error contains the name of the field and the kind of fault, but never
the value: docs/decisions/0029.
"""

import json
import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from domain.errors import MalformedInput
from domain.identifiers import parse_guid

# Nothing is converted: a number instead of a text is a fault. Other properties are ignored.
STRICT = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

_LONGEST_NAME = 256
# Row keys hold 512 characters, and percent-encoding can turn one character into three.
_LONGEST_KEY = 150
# A record's JSON fits easily into one row of Azure Tables, which holds 512 K UTF-16 units.
_LONGEST_JSON, _DEEPEST_JSON = 400_000, 32
# Azure Tables cannot store earlier times, and dates near the year 9999 overflow in other time
# zones.
_FIRST_MOMENT = datetime(1601, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(2200, 1, 1, tzinfo=UTC)
_LARGEST_NUMBER = 2**53
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Malformed(Exception):
    """A document from Microsoft that does not have the documented type.

    Args:
        field: The field, as a dotted path if it is nested; empty for the document itself.
        fault: The kind of fault, as pydantic names it.
    """

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field or 'the document'}: {fault}")
        self.field, self.fault = field, fault


def check[T](schema: TypeAdapter[T], document: Any) -> T:
    """Return the document, validated against its type.

    Raises:
        Malformed: It does not match the type.
    """
    try:
        return schema.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # Positions in a list are of no use, and keys of a document may be arbitrary text.
        names = [part for part in first["loc"] if isinstance(part, str) and part.isidentifier()]
        raise Malformed(".".join(names)[:_LONGEST_NAME], first["type"]) from None


def _shown(text: Any) -> Any:
    """Remove control characters and lone surrogates from a text."""
    if not isinstance(text, str) or text.isprintable():
        return text
    return _NOT_SHOWN.sub("", text)


def parse_moment(text: str) -> datetime:
    """Return a time in UTC, to the microsecond.

    Raises:
        PydanticCustomError: It is not a time, or is out of range.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not UTC:  # Nearly all are UTC; converting costs more than reading.
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "must be a time") from None
    if not _FIRST_MOMENT <= moment < _LAST_MOMENT:
        raise PydanticCustomError("moment_range", "must be a time of our days")
    return moment


def _canonical_guid(text: str) -> str:
    try:
        return parse_guid(text, "")
    except MalformedInput:
        raise PydanticCustomError("guid", "must be a GUID") from None


def _moment_text(text: str) -> str:
    parse_moment(text)
    return text


def _moment(text: Any) -> datetime:
    if not isinstance(text, str) or len(text) > 64:  # noqa: PLR2004  times are shorter
        raise PydanticCustomError("moment", "must be a time")
    return parse_moment(text)


def bounded(document: Any) -> Any:
    """Return a JSON value, if it is not too large or too deep and has only finite numbers.

    Raises:
        PydanticCustomError: The value breaks one of these limits.
    """
    _check_values(document, _DEEPEST_JSON)
    text = json.dumps(document, ensure_ascii=False)
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > _LONGEST_JSON:
        raise PydanticCustomError("too_large", "must be smaller")
    return document


def _check_values(value: Any, depth: int) -> None:
    if depth == 0:
        raise PydanticCustomError("too_deep", "must be less deep")
    match value:
        case float() if not math.isfinite(value):
            raise PydanticCustomError("finite_number", "must be finite")
        case str() | bool() | float() | None:
            return
        case int() if abs(value) <= _LARGEST_NUMBER:
            return
        case list():
            for item in value:
                _check_values(item, depth - 1)
        case dict():
            for item in value.values():
                _check_values(item, depth - 1)
        case _:
            raise PydanticCustomError("json", "must be JSON")


type Name = Annotated[
    str, BeforeValidator(_shown), StringConstraints(strict=True, max_length=_LONGEST_NAME)
]
# Active Directory's own limit for a user principal name.
type PrincipalName = Annotated[
    str, BeforeValidator(_shown), StringConstraints(strict=True, max_length=1024)
]
type Word = Annotated[
    str, StringConstraints(strict=True, max_length=128, pattern=r"^[\x20-\x7e]*$")
]
type Key = Annotated[
    str,
    StringConstraints(
        strict=True, min_length=1, max_length=_LONGEST_KEY, pattern=r"^[\x20-\x7e]+$"
    ),
]
type Guid = Annotated[
    str, StringConstraints(strict=True, max_length=64), AfterValidator(_canonical_guid)
]
type Moment = Annotated[datetime, BeforeValidator(_moment)]
type MomentText = Annotated[
    str, StringConstraints(strict=True, max_length=64), AfterValidator(_moment_text)
]
type Few[T] = Annotated[list[T], Field(max_length=500)]
type Token = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64_000, pattern=r"^[\x21-\x7e]+$")
]
type Count = Annotated[int, Field(strict=True, ge=0, le=10**9)]
type Amount = Annotated[float, Field(strict=True, ge=0, le=10**9, allow_inf_nan=False)]
type Flag = Annotated[bool, Field(strict=True)]
type Json = Annotated[Any, AfterValidator(bounded)]
