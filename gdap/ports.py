"""What the gdap area needs from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.sync_requests import SyncRequests
from domain.ports.clock import Clock
from domain.ports.customer_consent import CustomerConsents
from domain.ports.gdap import Gdap
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore


@dataclass(frozen=True, slots=True)
class GdapPorts:
    """The area's adapters.

    Args:
        pause: Waits for a number of seconds.
    """

    msps: MspStore
    gdap: Gdap
    sync_requests: SyncRequests
    clock: Clock
    consents: CustomerConsents
    pending_work: PendingWorkStore
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
