"""Audit events: append-only, written in the transaction of the change that they describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from domain.identifiers import MspId, TenantId
from domain.roles import StaffMember


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or part of the system that makes a change.

    Args:
        kind: `staff`, `consent` (Microsoft's redirect) or `system` (timers, queues, operators).
    """

    kind: str
    tid: str | None = None
    oid: str | None = None
    name: str | None = None

    @classmethod
    def staff(cls, member: StaffMember) -> "Actor":
        """The signed-in staff member."""
        return cls("staff", member.tid, member.oid, member.name)


SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry of an MSP's audit log.

    Args:
        before: Public fields of the changed object before the change, or None.
        after: The same fields after the change, or None.
    """

    msp_id: MspId
    event_id: str
    at: datetime
    action: str
    actor: Actor
    tenant_id: TenantId | None
    outcome: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events a list shows: of one tenant, and with `since` <= at < `until`; None for any."""

    tenant_id: TenantId | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL = AuditFilter()


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a change: who made it, when, and in which request.

    Args:
        at: Aware UTC time, from the clock.
    """

    actor: Actor
    at: datetime
    request_id: str

    def event(  # noqa: PLR0913  an event has these parts; all but two are optional
        self,
        msp_id: MspId,
        action: str,
        *,
        tenant_id: TenantId | None = None,
        outcome: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> AuditEvent:
        """Return the event that records the change; commit it together with the change."""
        return AuditEvent(
            msp_id,
            uuid4().hex,
            self.at,
            action,
            self.actor,
            tenant_id,
            outcome,
            before,
            after,
            self.request_id,
        )
