"""The clock."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; nothing else does."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...
