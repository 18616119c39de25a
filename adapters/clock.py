"""The system clock."""

from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time, aware, in UTC."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)
