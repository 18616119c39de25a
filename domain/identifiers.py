"""Identifiers, told apart by type so that one cannot stand where another is meant."""

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

_HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GUID = re.compile(rf"{_HYPHENATED}\Z")
# The other spellings that a `guid` in a route of the Functions host takes.
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
    """Tell whether a text is a GUID, in any case and in any of the five forms that .NET writes."""
    return _canonical(text) is not None


def parse_guid(text: str, field: str) -> str:
    """Return a GUID in Microsoft's canonical form: lower case, with dashes.

    Args:
        text: What the caller sent, in any case and any spelling that .NET takes.
        field: The name that the error gives the value.

    Raises:
        MalformedInput: The text is no GUID; the error names the field, never the text.
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
    """Return the 32 digits of a GUID that is spelled unlike the canonical form."""
    found = _HEXADECIMAL.match("".join(guid.split()))
    if found:
        parts = zip(found.groups(), _WIDTHS, strict=True)
        return "".join(part.zfill(width) for part, width in parts)
    guid = guid.strip()
    if _GUID.match(guid) or _SPELLING.match(guid):
        return re.sub(r"[-{}()]", "", guid)
    return None


def parse_tenant_id(text: str, field: str = "tenantId") -> TenantId:
    """Return a Microsoft tenant ID in the form that keys use.

    Raises:
        MalformedInput: The text is no GUID.
    """
    return TenantId(parse_guid(text, field))


def parse_object_id(text: str, field: str = "oid") -> ObjectId:
    """Return an Entra object ID in the form that keys use.

    Raises:
        MalformedInput: The text is no GUID.
    """
    return ObjectId(parse_guid(text, field))


def new_epoch() -> Epoch:
    """Return the mark of one creation of a tenant row, never given twice."""
    return Epoch(uuid4().hex)


@dataclass(frozen=True, slots=True)
class TenantRef:
    """One life of a tenant at one MSP: the key of all that the tenant owns.

    A tenant that is removed and added again has a new epoch, so that what still deletes the
    records of the old life can never reach those of the new one.
    """

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class SessionRef:
    """One consent session of one MSP, by the hash of its state."""

    msp_id: MspId
    session: SessionHash
