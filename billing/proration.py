"""Days of a month on which a tenant was active, in the MSP's own time zone."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.errors import MalformedInput
from domain.usage import Stretch


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, `YYYY-MM`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str, field: str = "month") -> "Month":
        """Read a month.

        Raises:
            MalformedInput: The text is not of the form `YYYY-MM`.
        """
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError:
            raise MalformedInput(field, "must be a month, YYYY-MM") from None
        return cls(first.year, first.month)

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> "Month":
        """Return the month that a moment falls into, in a time zone."""
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def days(self) -> int:
        """How many days the month has."""
        return monthrange(self.year, self.number)[1]

    @property
    def first(self) -> date:
        """The month's first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """The month's last day."""
        return date(self.year, self.number, self.days)

    def __str__(self) -> str:
        """Return `YYYY-MM`."""
        return f"{self.year:04d}-{self.number:02d}"


def active_days(stretches: Iterable[Stretch], month: Month, zone: ZoneInfo, now: datetime) -> int:
    """Count the days of the month on which any part of any stretch falls.

    Args:
        zone: The MSP's billing time zone; its days may have 23 or 25 hours.
        now: Where a stretch that still goes on is cut: days to come are not yet active.
    """
    days: set[date] = set()
    for stretch in stretches:
        until = min(stretch.until or now, now)
        if until <= stretch.since:
            continue
        first = max(stretch.since.astimezone(zone).date(), month.first)
        # A stretch that ends at midnight has no part of the day that begins there.
        last = min((until.astimezone(zone) - timedelta(microseconds=1)).date(), month.last)
        days |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return len(days)
