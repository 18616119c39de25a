"""Consent sessions, which bind Microsoft's unsigned redirect to the owner who started it.

The deadlines of a session:

    start                                     expires_at
    |---- state can be spent, 15 min (LIFETIME) ----|-> a redirect is refused as expired
                    |
                    redirect: pending work is recorded, then the state is spent
                    |
                    spent_at       +10 s            +1 min            +10 min
                    |-- callback ----|-- queue --------|-- queue --------|-> next attempt gives up
                       browser waits    every 5 s         every 20 s         outcome: failed
                                        shown: pending    shown: pending

The link for a customer's administrator lasts 7 days (CUSTOMER_LIFETIME) instead of 15 minutes.

The 10 seconds and the 10 minutes count from `spent_at`. `expires_at` limits only when the state
can be spent; work that a crash left with an unspent state is dropped after it.

A timer checks the pending work every minute. Work whose message was due over 2 minutes ago
(WORK_REDELIVERY_SECONDS) is queued again, whether the callback crashed, the message was lost, or
it failed too often. So there is always a next attempt until the session is finished.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.identifiers import MspId, ObjectId, SessionHash, TenantId

LIFETIME = timedelta(minutes=15)
# A link for a customer's administrator, who gets it by mail and may be away for some days.
CUSTOMER_LIFETIME = timedelta(days=7)


class ConsentState(StrEnum):
    """How far the MSP's current consent session is."""

    NONE = "none"
    STARTED = "started"
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class ConsentOutcome(StrEnum):
    """What the portal is told after the redirect."""

    ENABLED = "enabled"
    PENDING = "pending"
    EXISTING_TENANT = "existing_tenant"
    PARTNER_TENANT_EXISTS = "partner_tenant_exists"
    DECLINED = "declined"
    TENANT_MISMATCH = "tenant_mismatch"
    EXPIRED = "expired"
    INVALID = "invalid"
    FAILED = "failed"


_COMPLETED = {
    ConsentOutcome.ENABLED,
    ConsentOutcome.EXISTING_TENANT,
    ConsentOutcome.PARTNER_TENANT_EXISTS,
}


def state_of(outcome: ConsentOutcome) -> ConsentState:
    """Return the session's state once it has this outcome."""
    if outcome is ConsentOutcome.PENDING:
        return ConsentState.PENDING
    return ConsentState.COMPLETED if outcome in _COMPLETED else ConsentState.FAILED


def hash_state(state: str) -> SessionHash:
    """Return the SHA-256 of a `state`; only this hash is stored, and it cannot be used instead."""
    return SessionHash(hashlib.sha256(state.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class ConsentSession:
    """A session, identified by its hash: who started it, for which MSP, and whether it is spent.

    Args:
        spent_at: When a callback spent it; None while it can still be used.
        refused: The outcome with which that callback was refused, if it was refused.
        finished_at: When the outcome became final; None before.
        reused_at: When its state was first received again after it was spent; None if never.
        customer: The customer whose administrator consents; None for the MSP's own tenant.
    """

    session: SessionHash
    msp_id: MspId
    tid: TenantId
    oid: ObjectId
    name: str
    expires_at: datetime
    spent_at: datetime | None = None
    refused: ConsentOutcome | None = None
    finished_at: datetime | None = None
    reused_at: datetime | None = None
    customer: TenantId | None = None

    @property
    def tenant_id(self) -> TenantId:
        """The only tenant that this session can consent for."""
        return self.customer or self.tid


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The MSP's current consent session as /my-tenant shows it.

    Args:
        detected_tenant_id: The tenant that Microsoft Identity and Graph confirmed, else None.
    """

    msp_id: MspId
    session: SessionHash
    state: ConsentState
    outcome: ConsentOutcome | None
    at: datetime
    detected_tenant_id: TenantId | None = None
