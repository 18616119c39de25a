"""A calendar month, and its beginning and end in a time zone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time
from typing import override
from zoneinfo import ZoneInfo

from domain.errors import MalformedInput

_MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, `YYYY-MM`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str, field: str = "month") -> "Month":
        """Read a month.

        Raises:
            MalformedInput: The text does not have the form `YYYY-MM`, or the year is the last
                one that dates support, so that the end of its last month is not a date.
        """
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError:
            raise MalformedInput(field, "must be a month, YYYY-MM") from None
        if first.year == MAXYEAR:
            raise MalformedInput(field, f"must be before {MAXYEAR}")
        return cls(first.year, first.month)

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> "Month":
        """Return the month that a moment falls into, in a time zone."""
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def days(self) -> int:
        """The number of days in the month."""
        return monthrange(self.year, self.number)[1]

    @property
    def first(self) -> date:
        """The month's first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """The month's last day."""
        return date(self.year, self.number, self.days)

    @property
    def next(self) -> "Month":
        """The following month."""
        return self.plus(1)

    def plus(self, months: int) -> "Month":
        """Return the month this many months later; a negative number returns an earlier month."""
        count = self.year * _MONTHS + self.number - 1 + months
        return Month(count // _MONTHS, count % _MONTHS + 1)

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the midnight at which the month ends in a time zone, in UTC."""
        return start_of(self.next.first, zone)

    @override
    def __str__(self) -> str:
        """Return `YYYY-MM`."""
        return f"{self.year:04d}-{self.number:02d}"


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day begins in a time zone, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
