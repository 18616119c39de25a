"""What the consent area needs from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.sync_requests import SyncRequests
from domain.ports.clock import Clock
from domain.ports.consent_sessions import ConsentSessions
from domain.ports.customer_consent import CustomerConsents
from domain.ports.identity import Identity
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues


@dataclass(frozen=True, slots=True)
class ConsentPorts:
    """The area's adapters.

    Args:
        pause: Waits for a number of seconds.
    """

    msps: MspStore
    sessions: ConsentSessions
    sync_requests: SyncRequests
    pending_work: PendingWorkStore
    queues: Queues
    identity: Identity
    clock: Clock
    consents: CustomerConsents
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
