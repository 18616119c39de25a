"""Identifiers, each with its own type so that they cannot be confused."""

import re
from dataclasses import dataclass
from typing import NewType
from uuid import UUID, uuid4

from domain.errors import MalformedInput

MspId = NewType("MspId", str)
TenantId = NewType("TenantId", str)
ObjectId = NewType("ObjectId", str)
Epoch = NewType("Epoch", str)
SessionHash = NewType("SessionHash", str)
OperationId = NewType("OperationId", str)

_HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GUID = re.compile(rf"{_HYPHENATED}\Z")
# The other spellings that a `guid` in a route of the Functions host accepts.
# https://learn.microsoft.com/dotnet/api/system.guid.tryparse
_SPELLING = re.compile(rf"(?:[0-9a-f]{{32}}|\{{{_HYPHENATED}\}}|\({_HYPHENATED}\))\Z")
_BYTE = "0x0*([0-9a-f]{1,2})"
_HEXADECIMAL = re.compile(
    r"\{0x0*([0-9a-f]{1,8}),0x0*([0-9a-f]{1,4}),0x0*([0-9a-f]{1,4}),\{"
    + ",".join([_BYTE] * 8)
    + r"\}\}\Z"
)
_WIDTHS = (8, 4, 4, *[2] * 8)
LONGEST_GUID = 68  # the hexadecimal form, without blanks


def is_guid(text: str) -> bool:
    """Return whether a text is a GUID, in any case and any of the five formats of .NET."""
    return _canonical(text) is not None


def parse_guid(text: str, field: str) -> str:
    """Return a GUID in Microsoft's canonical form: lower case, with dashes.

    Args:
        text: The text that the caller sent, in any case and any spelling that .NET accepts.
        field: The name of the value in the error.

    Raises:
        MalformedInput: The text is not a GUID; the error contains the field, never the text.
    """
    guid = _canonical(text)
    if guid is None:
        raise MalformedInput(field, "must be a GUID")
    return guid


def _canonical(text: str) -> str | None:
    guid = text.lower()
    if _GUID.match(guid):
        return guid
    digits = _digits(guid)
    return None if digits is None else str(UUID(digits))


def _digits(guid: str) -> str | None:
    """Return the 32 digits of a GUID that is not in the canonical form."""
    found = _HEXADECIMAL.match("".join(guid.split()))
    if found:
        parts = zip(found.groups(), _WIDTHS, strict=True)
        return "".join(part.zfill(width) for part, width in parts)
    guid = guid.strip()
    if _GUID.match(guid) or _SPELLING.match(guid):
        return re.sub(r"[-{}()]", "", guid)
    return None


def parse_tenant_id(text: str, field: str = "tenantId") -> TenantId:
    """Return a Microsoft tenant ID in the form used in keys.

    Raises:
        MalformedInput: The text is not a GUID.
    """
    return TenantId(parse_guid(text, field))


def parse_object_id(text: str, field: str = "oid") -> ObjectId:
    """Return an Entra object ID in the form used in keys.

    Raises:
        MalformedInput: The text is not a GUID.
    """
    return ObjectId(parse_guid(text, field))


def new_epoch() -> Epoch:
    """Return a unique mark for one creation of a tenant row."""
    return Epoch(uuid4().hex)


@dataclass(frozen=True, slots=True)
class TenantRef:
    """One life of a tenant at one MSP: the key of everything that the tenant owns.

    A tenant that is removed and added again has a new epoch. So a purge of the old life that is
    still running can never delete records of the new one.
    """

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class SessionRef:
    """One consent session of one MSP, identified by the hash of its state."""

    msp_id: MspId
    session: SessionHash


@dataclass(frozen=True, slots=True)
class MspRef:
    """One MSP, as the subject of work."""

    msp_id: MspId


@dataclass(frozen=True, slots=True)
class ScheduleRange:
    """Entries of one partition of the schedule of syncs.

    Args:
        partition: The partition's key.
        first: The key of the first entry; by default the range has no beginning.
        last: The key of the last entry, which is included; by default the range has no end.
    """

    partition: str
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class OperationRef:
    """One operation at one life of a tenant."""

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch
    operation_id: OperationId

    @property
    def tenant(self) -> TenantRef:
        """The life of the tenant that owns the operation."""
        return TenantRef(self.msp_id, self.tenant_id, self.epoch)
