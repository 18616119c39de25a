"""Usage: the periods in which a customer tenant was active."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from domain.identifiers import MspId, TenantId
from domain.month import Month, start_of

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ActivePeriod:
    """A period of activity, in UTC. `until` is None while the tenant is active."""

    since: datetime
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has no length, so that no day is billed for it."""
        return self.until is not None and self.until <= self.since

    def first_day(self, zone: ZoneInfo) -> date:
        """Return the first day that any part of it falls on."""
        return self.since.astimezone(zone).date()

    def last_day(self, zone: ZoneInfo) -> date:
        """Return the last day that any part of it falls on; `date.max` while it is open."""
        if self.until is None:
            return date.max
        # A period that ends at midnight has no part of the day that begins then.
        return (self.until - _MOMENT).astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class TenantUsage:
    """A tenant's activity. It is kept after the tenant is deleted, so it contains the name."""

    msp_id: MspId
    tenant_id: TenantId
    tenant_name: str
    periods: tuple[ActivePeriod, ...]

    def opened(self, at: datetime) -> "TenantUsage":
        """Return the usage with an active period that begins now; unchanged if one is open."""
        if self.periods and self.periods[-1].until is None:
            return self
        return replace(self, periods=(*self.periods, ActivePeriod(at)))

    def closed(self, at: datetime) -> "TenantUsage":
        """Return the usage with its open active period ended now; unchanged if none is open."""
        if not self.periods or self.periods[-1].until is not None:
            return self
        return replace(self, periods=(*self.periods[:-1], replace(self.periods[-1], until=at)))

    def until(self, moment: datetime) -> "TenantUsage":
        """Return the usage up to a moment, without anything later."""
        kept = (
            replace(period, until=min(period.until or moment, moment))
            for period in self.periods
            if period.since < moment
        )
        return replace(self, periods=tuple(kept))

    def folded(self, zone: ZoneInfo, at: datetime) -> "TenantUsage":
        """Return the usage in few active periods, with the same number of days in every month.

        Whole days are billed, month by month. So active periods without a whole day between
        them are joined. Of a past month only the number of days matters, so its days are moved
        together. That leaves at most one period for each past month, and some sixteen for the
        current month.

        Example, in the MSP's time zone, folded in June:

            3 May 09:00 to 4 May 10:00      2 days
            5 May 08:00 to 5 May 18:00      1 day    no whole day before it: joined
            20 May 12:00 to 21 May 12:00    2 days   moved to the others, since May is over
            folded: 3 May 09:00 to 8 May 00:00, 5 days

        If May is still the current month, the period that begins on 20 May is not moved.

        Args:
            zone: The MSP's billing time zone.
            at: The current time. A month counts as over one day after its end, when no change
                that began in it can still be running.
        """
        over = Month.of(at - _DAY, zone).first
        recent = [s for s in self.periods if s.until is None and s.first_day(zone) >= over]
        others = (s for s in self.periods if s not in recent and not s.is_empty)
        pieces = (part for s in _joined(others, zone) for part in _by_month(s, zone, over))
        gathered = _joined(_gathered(pieces, zone, over), zone)
        return replace(self, periods=(*gathered, *recent))


def _joined(periods: Iterable[ActivePeriod], zone: ZoneInfo) -> list[ActivePeriod]:
    """Join active periods without a whole day between them; an open one is the last."""
    joined: list[ActivePeriod] = []
    for period in sorted(periods, key=lambda each: each.since):
        before = joined[-1] if joined else None
        if before is None or before.last_day(zone) < period.first_day(zone) - _DAY:
            joined.append(period)
        elif before.until is not None:
            ends = None if period.until is None else max(before.until, period.until)
            joined[-1] = ActivePeriod(before.since, ends)
    return joined


def _by_month(period: ActivePeriod, zone: ZoneInfo, over: date) -> Iterator[ActivePeriod]:
    """Cut an active period at the ends of the months before the day; the rest stays in one."""
    month = Month.of(period.since, zone)
    while month.first < over and month.last < period.last_day(zone):
        yield ActivePeriod(period.since, month.end(zone))
        period, month = ActivePeriod(month.end(zone), period.until), month.next
    yield period


def _gathered(pieces: Iterable[ActivePeriod], zone: ZoneInfo, over: date) -> Iterator[ActivePeriod]:
    """Move the days of each month before the day together, starting at its first active day."""
    for month, group in groupby(pieces, lambda piece: Month.of(piece.since, zone)):
        first, *more = group
        if month.first >= over or not more:
            yield from (first, *more)
            continue
        days = sum((s.last_day(zone) - s.first_day(zone)).days + 1 for s in (first, *more))
        yield ActivePeriod(first.since, start_of(first.first_day(zone) + days * _DAY, zone))
