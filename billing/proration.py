"""The days of a month on which a tenant was active, in the MSP's own time zone.

Example, for June, which has 30 days, in the MSP's time zone:

    3 June 23:00 to 4 June 01:00     2 days: any part of a day counts as a day
    10 June 08:00 to 10 June 09:00   1 day
    10 June 15:00 to 12 June 00:00   1 day more: 10 June counts once, 12 June has no part

Active on 4 of 30 days; at 49.00 AUD per month the line is 49.00 x 4 / 30 = 6.53 AUD.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.month import Month
from domain.usage import ActivePeriod


def active_days(
    periods: Iterable[ActivePeriod], month: Month, zone: ZoneInfo, now: datetime
) -> int:
    """Return the number of days of the month that contain any part of an active period.

    Args:
        zone: The MSP's billing time zone; its days may have 23 or 25 hours.
        now: Open periods are cut here, so that future days do not count.
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
