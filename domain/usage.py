"""Usage: the periods of time for which a customer tenant was active."""

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
    """A time of activity, in UTC. `until` is None while it goes on."""

    since: datetime
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has no length, so that it is billed nowhere."""
        return self.until is not None and self.until <= self.since

    def first_day(self, zone: ZoneInfo) -> date:
        """Return the first day that any part of it falls on."""
        return self.since.astimezone(zone).date()

    def last_day(self, zone: ZoneInfo) -> date:
        """Return the last day that any part of it falls on; the last there is while it goes on."""
        if self.until is None:
            return date.max
        # A period that ends at midnight has no part of the day that begins there.
        return (self.until - _MOMENT).astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class TenantUsage:
    """All that is known of a tenant's activity. It outlives the tenant, so it holds the name."""

    msp_id: MspId
    tenant_id: TenantId
    tenant_name: str
    periods: tuple[ActivePeriod, ...]

    def opened(self, at: datetime) -> "TenantUsage":
        """Return the usage with a period that begins now; unchanged when one goes on."""
        if self.periods and self.periods[-1].until is None:
            return self
        return replace(self, periods=(*self.periods, ActivePeriod(at)))

    def closed(self, at: datetime) -> "TenantUsage":
        """Return the usage with its open period ended now; unchanged when none goes on."""
        if not self.periods or self.periods[-1].until is not None:
            return self
        return replace(self, periods=(*self.periods[:-1], replace(self.periods[-1], until=at)))

    def until(self, moment: datetime) -> "TenantUsage":
        """Return the usage up to a moment alone; what is later is not there any more."""
        kept = (
            replace(period, until=min(period.until or moment, moment))
            for period in self.periods
            if period.since < moment
        )
        return replace(self, periods=tuple(kept))

    def folded(self, zone: ZoneInfo, at: datetime) -> "TenantUsage":
        """Return the usage in as few periods as tell the same days of every month.

        Days are billed whole and by the month. So periods with no whole day in between are one;
        and of a month that is over, which is known by how many days it has, the days stand
        together. That leaves one period a month at most, and some sixteen of the present one.

        Args:
            zone: The MSP's billing time zone.
            at: The present moment. A month is over for good a day later, when no change that
                began in it is under way any more.
        """
        over = Month.of(at - _DAY, zone).first
        recent = [s for s in self.periods if s.until is None and s.first_day(zone) >= over]
        others = (s for s in self.periods if s not in recent and not s.is_empty)
        pieces = (part for s in _joined(others, zone) for part in _by_month(s, zone, over))
        gathered = _joined(_gathered(pieces, zone, over), zone)
        return replace(self, periods=(*gathered, *recent))


def _joined(periods: Iterable[ActivePeriod], zone: ZoneInfo) -> list[ActivePeriod]:
    """Join periods that have no whole day in between; one that goes on is the last."""
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
    """Cut a period at the ends of the months before the day; what is later stays in one."""
    month = Month.of(period.since, zone)
    while month.first < over and month.last < period.last_day(zone):
        yield ActivePeriod(period.since, month.end(zone))
        period, month = ActivePeriod(month.end(zone), period.until), month.next
    yield period


def _gathered(pieces: Iterable[ActivePeriod], zone: ZoneInfo, over: date) -> Iterator[ActivePeriod]:
    """Put the days of each month before the day together, from the month's first active one on."""
    for month, group in groupby(pieces, lambda piece: Month.of(piece.since, zone)):
        first, *more = group
        if month.first >= over or not more:
            yield from (first, *more)
            continue
        days = sum((s.last_day(zone) - s.first_day(zone)).days + 1 for s in (first, *more))
        yield ActivePeriod(first.since, start_of(first.first_day(zone) + days * _DAY, zone))
