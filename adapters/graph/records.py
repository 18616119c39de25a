"""Reading records: each is checked against its type, and has a key.

A record that does not have the type documented by Microsoft does not affect the others: it is left
out, and listed as unreadable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from adapters.schema import (
    Key,
    Malformed,
    check,
)
from domain.ports.synced_records import SyncedRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """How a data set's records are read.

    Args:
        model: The type of a record's document.
        key: The property that identifies an unreadable record.
        record: Returns the record of a document of that type; raises Malformed.
        order: If several records have the same key, the last one in this order counts.
    """

    model: Any
    key: str
    record: Callable[[Any], SyncedRecord]
    order: Callable[[SyncedRecord], Any] | None = None


@dataclass(slots=True)
class Read:
    """The result of reading records.

    Args:
        unreadable: The key of each record that does not match its type; None without a key.
        faults: Field and kind of fault of each unreadable record.
    """

    records: list[SyncedRecord]
    unreadable: list[str | None]
    faults: list[Malformed]


def read_records(kind: Kind, items: Sequence[Any]) -> Read:
    """Read records, and return one per key."""
    try:
        found = [kind.record(document) for document in _all(kind.model).validate_python(items)]
        read = Read(found, [], [])
    except (ValidationError, Malformed):
        read = _one_by_one(kind, items)
    read.records = latest(kind, read.records)
    return read


def latest(kind: Kind, records: Sequence[SyncedRecord]) -> list[SyncedRecord]:
    """Return one record per key: the last one, in the order of the kind if it has one."""
    ordered = sorted(records, key=kind.order) if kind.order else records
    return list({record.key: record for record in ordered}.values())


def _one_by_one(kind: Kind, items: Iterable[Any]) -> Read:
    read = Read([], [], [])
    for item in items:
        try:
            read.records.append(kind.record(check(_one(kind.model), item)))
        except Malformed as fault:
            read.unreadable.append(key_of(item, kind.key))
            read.faults.append(fault)
    return read


def key_of(item: Any, name: str = "id") -> str | None:
    """Return a record's key, or None if the key cannot be read."""
    try:
        return check(_one(Key), item.get(name)) if isinstance(item, dict) else None
    except Malformed:
        return None


@cache
def _one(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


@cache
def _all(model: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[model])
