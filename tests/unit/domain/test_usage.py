"""Usage fits its row however often a tenant changes, and folding changes no bill."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tables.limits import check_entity
from adapters.tables.rows import to_entity
from billing.calculation import calculate
from billing.proration import active_days
from billing.reconcile import reconcile
from core.remove_tenant import RemovalPorts
from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.billing_terms import BillingTerms
from domain.lifecycle import OFFBOARD, REACTIVATE, RESUME, SUSPEND, LifecycleStep, first_usage
from domain.month import Month, start_of
from domain.partner_tenant import enable
from domain.row_changes import Insert
from domain.tenant import Organization
from domain.usage import ActivePeriod, TenantUsage
from tenants.edit import take_step
from tenants.hard_delete import hard_delete
from tests.fakes.outside import FakeQueues
from tests.fakes.storage import FakeMspStore, FakePendingWork
from tests.samples import CONTOSO, CUSTOMER, MSP, NOW, tenant
from tests.unit.billing.test_billing_properties import LATER, months, periods, zones
from tests.unit.billing.world import BillingWorld

EMPTY = TenantUsage(CONTOSO, CUSTOMER, "Northwind Traders", ())
START = datetime(2024, 1, 1, tzinfo=UTC)
# Time between two changes: seconds, hours, days or months, and sometimes a clock that is behind.
pauses = st.one_of(
    st.integers(-5, 5).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(0, 60 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 90).map(lambda days: timedelta(days=days)),
)
lives = st.lists(pauses, max_size=40)


def lived(pauses: list[timedelta], zone: ZoneInfo | None) -> tuple[TenantUsage, datetime]:
    """Return the usage of a tenant that is opened and closed in turn, folded or unfolded."""
    usage, at = EMPTY, START
    for pause in pauses:
        at += pause
        is_open = usage.periods and usage.periods[-1].until is None
        usage = usage.closed(at) if is_open else usage.opened(at)
        usage = usage.folded(zone, at) if zone else usage
    return usage, at


def bills(usage: TenantUsage, zone: ZoneInfo, now: datetime) -> list[object]:
    """Return every month's charge as calculated at a given time."""
    msp, terms = replace(MSP, time_zone=zone.key), BillingTerms(MSP.tier)
    first, last = Month.of(START - timedelta(days=40), zone), Month.of(now, zone)
    count = (last.year - first.year) * 12 + last.number - first.number + 2
    return [calculate(msp, terms, [usage], None, first.plus(n), now) for n in range(count)]


@given(lives, zones, st.integers(0, 100))
def test_no_bill_shows_that_usage_was_folded(
    pauses: list[timedelta], zone: ZoneInfo, later: int
) -> None:
    """Nor does a bill that is calculated while the last active period is still open."""
    plain, at = lived(pauses, None)
    folded, _ = lived(pauses, zone)
    for now in (at + timedelta(seconds=10), at + timedelta(days=later)):
        assert bills(folded, zone, now) == bills(plain, zone, now)


@given(lives, zones, st.integers(-3, 60))
def test_no_bill_shows_it_after_a_conversion_either(
    pauses: list[timedelta], zone: ZoneInfo, billed: int
) -> None:
    """A conversion cuts usage at a month's end, and the tenant may become a customer again."""
    cut = Month.of(START, zone).plus(billed).end(zone)
    plain, at = lived(pauses, None)
    folded, _ = lived(pauses, zone)
    again = max(at, cut) + timedelta(hours=1)
    for now in (again + timedelta(days=1), again + timedelta(days=70)):
        both = [usage.until(cut).opened(again) for usage in (plain, folded)]
        assert bills(both[1], zone, now) == bills(both[0], zone, now)
        assert bills(both[1].folded(zone, again), zone, now) == bills(both[0], zone, now)


@given(st.lists(periods, max_size=12), zones, months)
def test_folding_bears_any_order_and_a_second_time_changes_nothing(
    several: list[ActivePeriod], zone: ZoneInfo, month: Month
) -> None:
    usage = replace(EMPTY, periods=tuple(several))
    folded = usage.folded(zone, LATER)
    assert folded.folded(zone, LATER) == folded
    for each in (month, month.next):
        days = [active_days(one.periods, each, zone, LATER) for one in (usage, folded)]
        assert days[0] == days[1]


@given(st.lists(st.integers(0, 3 * 24 * 60), min_size=300, max_size=900), zones)
def test_a_row_never_fills_up(minutes: list[int], zone: ZoneInfo) -> None:
    usage, at = lived([timedelta(minutes=n) for n in minutes], zone)
    assert len(usage.periods) <= (at - START).days // 28 + 2 * 17
    check_entity(to_entity(usage))


def test_a_change_every_other_day_for_forty_years_fits_the_row() -> None:
    since = [START + timedelta(days=day) for day in range(0, 40 * 365, 4)]
    usage = replace(EMPTY, periods=tuple(ActivePeriod(s, s + timedelta(days=2)) for s in since))
    folded = usage.folded(ZoneInfo(MSP.time_zone), since[-1] + timedelta(days=2))
    check_entity(to_entity(folded))
    assert len(folded.periods) <= 40 * 12 + 2 * 17


def test_what_is_near_together_is_one_stretch_and_a_day_without_any_keeps_two() -> None:
    zone, day = ZoneInfo("Australia/Sydney"), datetime(2026, 10, 5, 1, tzinfo=UTC)
    first = ActivePeriod(day, day + timedelta(hours=2))
    for days, count in ((0, 1), (1, 1), (2, 2)):
        since = day + timedelta(days=days, hours=5)
        usage = replace(EMPTY, periods=(first, ActivePeriod(since, since + timedelta(hours=1))))
        folded = usage.folded(zone, day + timedelta(days=3))
        assert len(folded.periods) == count
        assert folded.periods[-1].until == since + timedelta(hours=1)


def test_a_month_that_is_over_is_one_stretch_of_as_many_days() -> None:
    zone = ZoneInfo("Australia/Sydney")
    since = [start_of(datetime(2026, 9, day, tzinfo=UTC).date(), zone) for day in (3, 7, 20)]
    usage = replace(EMPTY, periods=tuple(ActivePeriod(s, s + timedelta(days=1)) for s in since))
    open_month = datetime(2026, 9, 25, tzinfo=UTC)
    assert usage.folded(zone, open_month) == usage
    folded = usage.folded(zone, open_month + timedelta(days=10))
    assert folded.periods == (ActivePeriod(since[0], since[0] + timedelta(days=3)),)


async def step(store: FakeMspStore, step: LifecycleStep, at: datetime) -> None:
    await take_step(store, CONTOSO, CUSTOMER, step, Cause(SYSTEM, at, "r"))


async def test_a_thousand_suspensions_leave_room_for_every_other_step() -> None:
    store = FakeMspStore(MSP, tenant(), first_usage(tenant(), Cause(SYSTEM, NOW, "r")))
    at = NOW
    for _ in range(1000):
        at += timedelta(hours=9)
        await step(store, SUSPEND, at)
        at += timedelta(hours=50)
        await step(store, RESUME, at)
    (usage,) = await store.all(TenantUsage, CONTOSO)
    check_entity(to_entity(usage))
    await step(store, OFFBOARD, at)
    await step(store, REACTIVATE, at + timedelta(days=3))
    cause = Cause(SYSTEM, at + timedelta(days=4), "r")
    await hard_delete(
        RemovalPorts(msps=store, pending_work=FakePendingWork(), queues=FakeQueues()),
        CONTOSO,
        CUSTOMER,
        cause,
    )
    (usage,) = await store.all(TenantUsage, CONTOSO)
    check_entity(to_entity(usage))
    assert usage.periods[-1].until == cause.at


async def test_a_row_that_is_full_already_is_folded_by_the_next_change() -> None:
    each = (NOW + timedelta(hours=60 * n) for n in range(441))
    full = tuple(ActivePeriod(since, since + timedelta(hours=1)) for since in each)
    at = NOW + timedelta(hours=60 * 441)
    usage = replace(EMPTY, periods=(*full, ActivePeriod(at)))
    store = FakeMspStore(MSP, tenant(), usage)
    await step(store, SUSPEND, at + timedelta(days=1))
    (after,) = await store.all(TenantUsage, CONTOSO)
    check_entity(to_entity(after))
    zone = ZoneInfo(MSP.time_zone)
    assert len(after.periods) < 80
    assert bills(after, zone, LATER) == bills(usage.closed(at + timedelta(days=1)), zone, LATER)


@pytest.mark.parametrize("converted", [False, True])
async def test_closed_months_agree_with_their_invoices_after_folding(*, converted: bool) -> None:
    world = BillingWorld(tenant(), customers=0)
    cause = Cause(SYSTEM, world.since, "r")
    await world.msps.commit([Insert(first_usage(tenant(), cause))])
    at = world.since
    while at < datetime(2027, 3, 20, tzinfo=UTC):
        await step(world.msps, SUSPEND, at + timedelta(hours=7))
        at += timedelta(days=3)
        await step(world.msps, RESUME, at)
        world.clock.moment = at
        await world.issue()
    if converted:
        own = Organization(CUSTOMER, "Northwind Traders", None)
        await decide_and_commit(
            lambda: world.msps.tenant_records(CONTOSO, CUSTOMER),
            lambda known: enable(known, own, world.cause, convert=True),
            world.msps.commit,
        )
    for number in range(9, 9 + 6):
        month = Month(2026, 1).plus(number - 1)
        found = await reconcile(
            world.msps, world.invoices, world.msp.msp_id, month, world.clock.now()
        )
        assert found is not None
        assert found.total > 0
        assert found.differences == ()
