"""The partner apps' credentials."""

from datetime import datetime
from typing import Protocol

from domain.msp import Msp


class Credentials(Protocol):
    """What the MSPs' partner apps authenticate with."""

    async def expires_at(self, msp: Msp) -> datetime | None:
        """Return when the MSP's credential ends, or None: it does not, or nobody knows."""
        ...
