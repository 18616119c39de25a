"""The partner apps' credentials."""

from datetime import datetime
from typing import Protocol

from domain.msp import Msp


class Credentials(Protocol):
    """The credentials with which the MSPs' partner apps authenticate."""

    async def expires_at(self, msp: Msp) -> datetime | None:
        """Return when the MSP's credential expires, or None if it does not or is not known."""
        ...
