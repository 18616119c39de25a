"""The system clock."""

from datetime import UTC, datetime
from typing import override

from domain.ports.clock import Clock


class SystemClock(Clock):
    """Returns the machine's time, aware, in UTC."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)
