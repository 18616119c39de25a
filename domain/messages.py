"""Queue messages: identifiers only, as JSON."""

import json

from domain.identifiers import Epoch, MspId, SessionHash, SessionRef, TenantId, TenantRef


def write_tenant_ref(ref: TenantRef) -> str:
    """Return the message that names one life of a tenant."""
    return json.dumps({"mspId": ref.msp_id, "tenantId": ref.tenant_id, "epoch": ref.epoch})


def read_tenant_ref(text: str) -> TenantRef:
    """Return the life of a tenant that a message names.

    Raises:
        ValueError: The message is not JSON.
        KeyError: It names something else.
    """
    message = json.loads(text)
    return TenantRef(
        MspId(message["mspId"]), TenantId(message["tenantId"]), Epoch(message["epoch"])
    )


def write_session_ref(ref: SessionRef) -> str:
    """Return the message that names a consent session."""
    return json.dumps({"mspId": ref.msp_id, "session": ref.session})


def read_session_ref(text: str) -> SessionRef:
    """Return the consent session that a message names.

    Raises:
        ValueError: The message is not JSON.
        KeyError: It names something else.
    """
    message = json.loads(text)
    return SessionRef(MspId(message["mspId"]), SessionHash(message["session"]))
