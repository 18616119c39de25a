"""Queue messages: identifiers only, as JSON. Other content of a message is ignored."""

import json
import re
from dataclasses import asdict

from domain.errors import MalformedInput
from domain.identifiers import (
    Epoch,
    MspId,
    MspRef,
    OperationId,
    OperationRef,
    ScheduleRange,
    SessionHash,
    SessionRef,
    TenantId,
    TenantRef,
)

# Identifiers become part of row keys, so every received one must have this form.
_IDENTIFIER = re.compile(r"[0-9A-Za-z._-]{1,100}")
# A key in the schedule is a time and three identifiers, or empty.
_SCHEDULE_KEY = re.compile(r"[0-9A-Za-z._:-]{0,400}")


def write_tenant_ref(ref: TenantRef) -> str:
    """Return the message that names one life of a tenant."""
    return json.dumps({"mspId": ref.msp_id, "tenantId": ref.tenant_id, "epoch": ref.epoch})


def read_tenant_ref(message: str | bytes) -> TenantRef:
    """Return the life of a tenant that a message names.

    Raises:
        MalformedInput: The message does not name one.
    """
    msp_id, tenant_id, epoch = _identifiers(message, "mspId", "tenantId", "epoch")
    return TenantRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch))


def write_session_ref(ref: SessionRef) -> str:
    """Return the message that names a consent session."""
    return json.dumps({"mspId": ref.msp_id, "session": ref.session})


def read_session_ref(message: str | bytes) -> SessionRef:
    """Return the consent session that a message names.

    Raises:
        MalformedInput: The message does not name one.
    """
    msp_id, session = _identifiers(message, "mspId", "session")
    return SessionRef(MspId(msp_id), SessionHash(session))


def write_msp_ref(ref: MspRef) -> str:
    """Return the message that names an MSP."""
    return json.dumps({"mspId": ref.msp_id})


def read_msp_ref(message: str | bytes) -> MspRef:
    """Return the MSP that a message names.

    Raises:
        MalformedInput: The message does not name one.
    """
    (msp_id,) = _identifiers(message, "mspId")
    return MspRef(MspId(msp_id))


def write_schedule_range(within: ScheduleRange) -> str:
    """Return the message that names a range of the schedule."""
    return json.dumps(asdict(within))


def read_schedule_range(message: str | bytes) -> ScheduleRange:
    """Return the range of the schedule that a message names.

    Raises:
        MalformedInput: The message does not name one.
    """
    names = "partition", "first", "last"
    return ScheduleRange(*_identifiers(message, *names, form=_SCHEDULE_KEY))


def write_operation_ref(ref: OperationRef) -> str:
    """Return the message that names an operation."""
    return json.dumps(
        {
            "mspId": ref.msp_id,
            "tenantId": ref.tenant_id,
            "epoch": ref.epoch,
            "operationId": ref.operation_id,
        }
    )


def read_operation_ref(message: str | bytes) -> OperationRef:
    """Return the operation that a message names.

    Raises:
        MalformedInput: The message does not name one.
    """
    names = ("mspId", "tenantId", "epoch", "operationId")
    msp_id, tenant_id, epoch, operation_id = _identifiers(message, *names)
    return OperationRef(MspId(msp_id), TenantId(tenant_id), Epoch(epoch), OperationId(operation_id))


def _identifiers(
    message: str | bytes, *names: str, form: re.Pattern[str] = _IDENTIFIER
) -> list[str]:
    try:
        fields = json.loads(message)
        values = [fields[name] for name in names]
    except (LookupError, TypeError, ValueError, RecursionError):
        raise MalformedInput("message", "must be JSON that names what it is about") from None
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str) or not form.fullmatch(value):
            raise MalformedInput(name, "must be an identifier")
    return values
