"""Days of a month on which a tenant was active, in the MSP's own time zone."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.month import Month
from domain.usage import ActivePeriod


def active_days(
    periods: Iterable[ActivePeriod], month: Month, zone: ZoneInfo, now: datetime
) -> int:
    """Count the days of the month on which any part of any period falls.

    Args:
        zone: The MSP's billing time zone; its days may have 23 or 25 hours.
        now: Where a period that still goes on is cut: days to come are not yet active.
    """
    days: set[date] = set()
    for period in periods:
        part = ActivePeriod(period.since, min(period.until or now, now))
        if part.is_empty:
            continue
        first = max(part.first_day(zone), month.first)
        last = min(part.last_day(zone), month.last)
        days |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return len(days)
