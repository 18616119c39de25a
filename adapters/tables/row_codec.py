"""Conversion between dataclasses and the properties of rows, derived from annotations.

Text, numbers and times are stored unchanged, amounts as cents, nested values as JSON.
Properties without a matching field are ignored; a field whose property is missing has its default.
A type without a stored form is refused when the codec is created.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from types import NoneType
from typing import Any, NewType, get_args, get_origin, get_type_hints

from azure.data.tables import EdmType, EntityProperty

from adapters.tables.access import as_utc
from adapters.tables.releases import known
from domain.month import Month

type Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """Stores and reads values of one type. Neither function is called with None."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]

    def to(self, stored: "Codec") -> "Codec":
        """Return a codec that encodes with this codec first, and then the result with the other."""
        return Codec(
            lambda value: stored.encode(self.encode(value)),
            lambda found: self.decode(stored.decode(found)),
        )


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a dataclass.

    Args:
        stored: The name under which the field is stored.
        is_required: Whether reading fails if the field is missing; otherwise the default is used.
    """

    name: str
    stored: str
    codec: Codec
    is_required: bool
    default: Any


def row_codec(
    cls: type[Any],
    names: Mapping[str, str] | None = None,
    codecs: Mapping[str, Codec] | None = None,
    spread: Mapping[str, Codec] | None = None,
    required: Iterable[str] = (),
) -> Codec:
    """Return a codec between a dataclass and properties; values that are None are omitted.

    Args:
        names: Property names of fields, if they differ from the field names.
        codecs: Codecs of fields that are not stored as their annotations specify.
        spread: Codecs of fields whose own fields become properties of the row.
        required: Fields for which a missing property is an error despite their default.
    """
    others, must = spread or {}, frozenset(required)
    own = (field for field in _fields(cls, _property, names, codecs) if field.name not in others)
    known_fields = [replace(f, is_required=f.is_required or f.name in must) for f in own]

    def encode(value: Any) -> Stored:
        properties = _parts(value, known_fields)
        for name, codec in others.items():
            properties |= codec.encode(getattr(value, name))
        return {name: part for name, part in properties.items() if part is not None}

    def decode(stored: Stored) -> Any:
        nested = {name: codec.decode(stored) for name, codec in others.items()}
        return cls(**_values(known_fields, stored), **nested)

    return Codec(encode, decode)


def prefixed(prefix: str, codec: Codec) -> Codec:
    """Return the codec with a prefix added to the name of each property."""
    return codec.to(
        Codec(
            lambda properties: {prefix + name: part for name, part in properties.items()},
            lambda stored: {
                name.removeprefix(prefix): part
                for name, part in stored.items()
                if name.startswith(prefix)
            },
        )
    )


def as_object(cls: type[Any]) -> Codec:
    """Return a codec between a dataclass and a JSON object."""
    known_fields = _fields(cls, in_json)
    return Codec(
        lambda value: _parts(value, known_fields),
        lambda found: cls(**_values(known_fields, dict(found))),
    )


def as_list(cls: type[Any]) -> Codec:
    """Return a codec between a dataclass and a JSON list of its fields, which is smaller."""
    known_fields = _fields(cls, in_json)
    names = [field.stored for field in known_fields]
    return Codec(
        lambda value: list(_parts(value, known_fields).values()),
        lambda found: cls(**_values(known_fields, dict(zip(names, found, strict=False)))),
    )


def many(codec: Codec) -> Codec:
    """Return a codec between a tuple and a JSON list."""
    return Codec(
        lambda values: [codec.encode(value) for value in values],
        lambda found: tuple(codec.decode(value) for value in found),
    )


def as_json(codec: Codec, separators: tuple[str, str] | None = None) -> Codec:
    """Return a codec that stores the JSON value as text in one property."""
    dump = partial(json.dumps, ensure_ascii=False, separators=separators)
    return codec.to(Codec(dump, json.loads))


def cents_of(amount: Decimal) -> int:
    """Return an amount in cents.

    Raises:
        ValueError: The amount has more than two decimals.
    """
    cents = int(amount.scaleb(2))
    if Decimal(cents).scaleb(-2) != amount:
        raise ValueError("an amount has more than two decimals")
    return cents


def amount_of(cents: int) -> Decimal:
    """Return the amount that equals a number of cents."""
    return Decimal(cents).scaleb(-2)


def in_json(annotation: Any) -> Codec:
    """Return the codec for a type inside JSON."""
    if annotation is datetime:
        return Codec(datetime.isoformat, datetime.fromisoformat)
    if annotation is Decimal:
        return Codec(cents_of, amount_of)
    if get_origin(annotation) is Mapping:
        return Codec(_same, _same)
    if get_origin(annotation) is tuple and get_args(annotation)[1:] == (...,):
        return many(in_json(get_args(annotation)[0]))
    return _scalar(annotation) or as_object(annotation)


def _property(annotation: Any) -> Codec:
    if annotation is datetime:
        return Codec(_same, as_utc)
    if annotation is Decimal:  # 64 bits: 32 bits of cents would end at 21 million.
        return Codec(lambda amount: EntityProperty(cents_of(amount), EdmType.INT64), _amount)
    return _scalar(annotation) or as_json(in_json(annotation))


def _amount(stored: Any) -> Decimal:
    return amount_of(int(stored.value if isinstance(stored, EntityProperty) else stored))


def _scalar(annotation: Any) -> Codec | None:
    """Return the codec for a type with the same form in JSON and as a property, or None."""
    if annotation in {int, bool}:
        return Codec(_same, _same)
    if annotation is str or isinstance(annotation, NewType):
        return Codec(str, _same)
    if annotation is Month:
        return Codec(str, Month.parse)
    if annotation is date:
        return Codec(date.isoformat, date.fromisoformat)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Codec(str, partial(known, annotation))
    return None


def _same(value: Any) -> Any:
    return value


def _fields(
    cls: type[Any],
    codec_of: Callable[[Any], Codec],
    names: Mapping[str, str] | None = None,
    codecs: Mapping[str, Codec] | None = None,
) -> tuple[_Field, ...]:
    hints = get_type_hints(cls)
    return tuple(
        _Field(
            name=field.name,
            stored=(names or {}).get(field.name, field.name),
            codec=(codecs or {}).get(field.name) or codec_of(_without_none(hints[field.name])),
            is_required=not _has_default(field) and not _is_optional(hints[field.name]),
            default=_default_of(field),
        )
        for field in fields(cls)
    )


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _default_of(field: Field[Any]) -> Any:
    """Return a field's default; rows are immutable, so one value serves them all."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _is_optional(annotation: Any) -> bool:
    return NoneType in get_args(annotation)


def _without_none(annotation: Any) -> Any:
    if not _is_optional(annotation):
        return annotation
    (kind,) = (each for each in get_args(annotation) if each is not NoneType)
    return kind


def _parts(value: Any, known_fields: Iterable[_Field]) -> dict[str, Any]:
    parts = ((field, getattr(value, field.name)) for field in known_fields)
    return {f.stored: None if part is None else f.codec.encode(part) for f, part in parts}


def _read(field: _Field, stored: Stored) -> Any:
    found = stored.get(field.stored)
    if found is not None:
        return field.codec.decode(found)
    if field.is_required:
        raise KeyError(field.stored)
    return field.default


def _values(known_fields: Iterable[_Field], stored: Stored) -> dict[str, Any]:
    return {field.name: _read(field, stored) for field in known_fields}
