"""Rows in the JSON of Azure Tables, as the Azure SDK reads them.

https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, override
from urllib.parse import quote
from uuid import UUID

from azure.data.tables import EdmType, EntityMetadata, EntityProperty, TableEntity

_TYPE = "@odata.type"
_INT32 = 2**31


class StoredMoment(datetime):
    """A stored time. Its text has one digit more than Python's times.

    The SDK writes that text if such a time is stored again.
    """

    tables_service_value: str


class StoredEntity(TableEntity):
    """A row with the ETag of its version."""

    def __init__(self, properties: Mapping[str, Any], version: str) -> None:
        super().__init__(properties)
        self._version = version

    @property
    @override
    def metadata(self) -> EntityMetadata:
        return {"etag": self._version, "timestamp": None}


def read_entity(document: Mapping[str, Any]) -> StoredEntity:
    """Read a row.

    Raises:
        LookupError: It has neither an ETag nor a timestamp.
        ValueError: A property does not have the type that is stated for it.
    """
    properties = {
        name: read_value(document.get(name + _TYPE), value)
        for name, value in document.items()
        if name != "Timestamp" and not name.startswith("odata.") and not name.endswith(_TYPE)
    }
    return StoredEntity(properties, document.get("odata.etag") or _version(document["Timestamp"]))


def _version(timestamp: str) -> str:
    """Return the ETag, which a response may omit: it is made from the timestamp."""
    return f"W/\"datetime'{quote(timestamp, safe='')}'\""


def read_value(kind: str | None, value: Any) -> Any:
    """Return a property's value.

    Args:
        kind: The stated type; None if JSON expresses it.

    Raises:
        ValueError: The value is not of the type, or Azure Tables do not have this type.
    """
    if kind is None:
        is_large = type(value) is int and not -_INT32 <= value < _INT32
        return _large(value) if is_large else value
    if kind not in _READERS:
        raise ValueError("Azure Tables do not have such a type")
    return _READERS[kind](value)


def _moment(text: str) -> StoredMoment:
    moment = StoredMoment.fromisoformat(text)
    moment.tables_service_value = text
    return moment


def _large(number: str | int) -> EntityProperty:
    return EntityProperty(int(number), EdmType.INT64)


def _same(value: Any) -> Any:
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    EdmType.DATETIME: _moment,
    EdmType.INT64: _large,
    EdmType.DOUBLE: float,
    EdmType.BINARY: b64decode,
    EdmType.GUID: UUID,
    EdmType.STRING: _same,
    EdmType.INT32: _same,
    EdmType.BOOLEAN: _same,
}
