"""The limits of Azure Tables, checked before each write because Azurite does not check them.

https://learn.microsoft.com/azure/storage/tables/scalability-targets
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

LARGEST_TRANSACTION = 100
LARGEST_STRING = 32 * 1024
LARGEST_BINARY = 64 * 1024
LARGEST_TRANSACTION_BYTES = 4 * 1024 * 1024
_LARGEST_ROW = 1024 * 1024
_LARGEST_KEY = 512
_MOST_PROPERTIES = 252
_FORBIDDEN_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]")

type Entity = Mapping[str, Any]


class LimitExceeded(ValueError):
    """Azure Tables would reject the row or the transaction."""


def check_entity(entity: Entity) -> int:
    """Return the size of a row in bytes.

    Raises:
        LimitExceeded: A key, a property or the row exceeds a limit; the message names the
            property.
    """
    for name in ("PartitionKey", "RowKey"):
        check_key(name, entity[name])
    if len(entity) - 2 > _MOST_PROPERTIES:
        raise LimitExceeded("the row has too many properties")
    size = sum(_size(name, value) for name, value in entity.items())
    if size > _LARGEST_ROW:
        raise LimitExceeded("the row is over 1 MiB")
    return size


def check_transaction(entities: list[Entity]) -> None:
    """Check a transaction as a whole.

    Raises:
        LimitExceeded: The transaction has too many rows, is too large, covers more than one
            partition, or contains a row twice.
    """
    if len(entities) > LARGEST_TRANSACTION:
        raise LimitExceeded("a transaction holds at most 100 rows")
    if sum(check_entity(entity) for entity in entities) > LARGEST_TRANSACTION_BYTES:
        raise LimitExceeded("the transaction is over 4 MiB")
    if len({entity["PartitionKey"] for entity in entities}) > 1:
        raise LimitExceeded("a transaction stays in one partition")
    if len({entity["RowKey"] for entity in entities}) < len(entities):
        raise LimitExceeded("a transaction names each row once")


def units(text: str) -> int:
    """Return the length of a text in UTF-16 code units, which Azure Tables counts."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_key(name: str, key: str) -> None:
    """Check a partition or row key.

    Raises:
        LimitExceeded: The key is too long, or contains a character that is not allowed in keys.
    """
    if _FORBIDDEN_IN_KEYS.search(key):
        raise LimitExceeded(f"{name} holds a character that keys cannot")
    if units(key) > _LARGEST_KEY:
        raise LimitExceeded(f"{name} is over 1 KiB")


def _size(name: str, value: Any) -> int:
    overhead = 8 + 2 * len(name)
    if isinstance(value, str):
        length = units(value)
        if length > LARGEST_STRING:
            raise LimitExceeded(f"{name} is over 64 KiB")
        return overhead + 4 + 2 * length
    if isinstance(value, bytes):
        if len(value) > LARGEST_BINARY:
            raise LimitExceeded(f"{name} is over 64 KiB")
        return overhead + 4 + len(value)
    return overhead + (8 if isinstance(value, int | float | datetime) else 4)
