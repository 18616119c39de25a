"""What the gdap area needs from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.sync_requests import SyncRequests
from domain.ports.clock import Clock
from domain.ports.gdap import Gdap
from domain.ports.msp_store import MspStore


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
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
