"""Identifiers, told apart by type so that one cannot stand where another is meant."""

import re
from dataclasses import dataclass
from typing import NewType
from uuid import uuid4

from domain.errors import MalformedInput

MspId = NewType("MspId", str)
TenantId = NewType("TenantId", str)
ObjectId = NewType("ObjectId", str)
Epoch = NewType("Epoch", str)
SessionHash = NewType("SessionHash", str)

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def parse_guid(text: str, field: str) -> str:
    """Return a GUID in Microsoft's canonical form: lower case, with dashes.

    Args:
        text: What the caller sent, in any case.
        field: The name that the error gives the value.

    Raises:
        MalformedInput: The text is no GUID; the error names the field, never the text.
    """
    guid = text.lower()
    if not _GUID.match(guid):
        raise MalformedInput(field, "must be a GUID")
    return guid


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
