"""Properties that hold for every month, every time zone and every tenant history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.calculation import calculate
from billing.price_list import TIERS
from billing.proration import active_days
from domain.billing_terms import BillingTerms
from domain.month import Month, start_of
from domain.msp import Tier
from domain.usage import ActivePeriod, TenantUsage
from tests.samples import CONTOSO, MSP, OWN
from tests.unit.billing.world import customer_id

# All except UTC have daylight saving; in Santiago and Beirut it changes at midnight.
ZONES = (
    *("Australia/Sydney", "Pacific/Auckland", "Europe/London", "Australia/Lord_Howe"),
    *("America/Santiago", "Asia/Beirut", "UTC"),
)
LATER = datetime(2031, 1, 1, tzinfo=UTC)
zones = st.sampled_from(ZONES).map(ZoneInfo)
# 2024 and 2028 have a 29 February.
months = st.builds(Month, st.integers(2024, 2029), st.integers(1, 12))
moments = st.integers(0, 6 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
periods = st.tuples(moments, moments).map(lambda pair: ActivePeriod(min(pair), max(pair)))
terms = st.builds(BillingTerms, st.just(Tier.ENTERPRISE_PLUS), st.integers(1, 9999), st.booleans())


@given(months, zones)
def test_a_full_month_is_all_its_days_and_costs_the_price(month: Month, zone: ZoneInfo) -> None:
    whole = ActivePeriod(start_of(month.first, zone), month.end(zone))
    assert active_days([whole], month, zone, LATER) == month.days
    for other in (month.plus(-1), month.next):
        assert active_days([whole], other, zone, LATER) == 0
    usage = TenantUsage(CONTOSO, customer_id(1), "X", (whole,))
    msp = replace(MSP, time_zone=zone.key)
    for tier in (Tier.PROFESSIONAL, Tier.BUSINESS, Tier.ENTERPRISE):
        charge = calculate(msp, BillingTerms(tier), [usage], None, month, LATER)
        assert charge.subtotal == TIERS[tier].price


@given(st.lists(periods, max_size=5), months, zones)
def test_order_and_overlap_change_nothing_and_days_never_exceed_the_month(
    several: list[ActivePeriod], month: Month, zone: ZoneInfo
) -> None:
    days = active_days(several, month, zone, LATER)
    assert 0 <= days <= month.days
    assert active_days(list(reversed(several)), month, zone, LATER) == days
    assert active_days(several * 2, month, zone, LATER) == days


@given(periods, moments, months, zones)
def test_a_period_that_is_split_anywhere_has_the_same_days(
    whole: ActivePeriod, cut: datetime, month: Month, zone: ZoneInfo
) -> None:
    assert whole.until is not None
    cut = min(max(cut, whole.since), whole.until)
    parts = [ActivePeriod(whole.since, cut), ActivePeriod(cut, whole.until)]
    assert active_days(parts, month, zone, LATER) == active_days([whole], month, zone, LATER)


@given(st.lists(periods, max_size=4), terms, months)
def test_totals_are_sums_of_rounded_lines_and_nothing_is_lost_to_a_discount(
    several: list[ActivePeriod], agreed: BillingTerms, month: Month
) -> None:
    usages = [TenantUsage(CONTOSO, customer_id(n), "X", (s,)) for n, s in enumerate(several)]
    charge = calculate(MSP, agreed, usages, None, month, LATER)
    lines = sum((line.amount for line in charge.lines), Decimal(0))
    assert charge.subtotal == lines + charge.discount
    assert charge.total == charge.subtotal + charge.gst
    assert abs(charge.discount + (lines * Decimal("0.083") if agreed.annual_prepay else 0)) <= (
        Decimal("0.005")
    )
    for amount in (charge.discount, charge.subtotal, charge.gst, charge.total):
        assert amount == amount.quantize(Decimal("0.01"))


@given(
    st.lists(periods, max_size=3),
    st.lists(periods, min_size=1, max_size=4),
    moments,
    months,
)
def test_a_partner_tenant_changes_nothing_whenever_it_came_and_whatever_it_was(
    several: list[ActivePeriod], earlier: list[ActivePeriod], converted: datetime, month: Month
) -> None:
    """While enabled because of its flag; once disabled because the conversion cut its usage."""
    customers = [TenantUsage(CONTOSO, customer_id(n), "X", (s,)) for n, s in enumerate(several)]
    without = calculate(MSP, BillingTerms(Tier.BUSINESS), customers, None, month, LATER)
    own = TenantUsage(CONTOSO, OWN, "Contoso MSP", tuple(earlier))
    flagged = calculate(MSP, BillingTerms(Tier.BUSINESS), [own, *customers], OWN, month, LATER)
    assert flagged == without
    zone = ZoneInfo(MSP.time_zone)
    billed = own.until(start_of(month.first, zone))  # the month is not invoiced yet
    after = calculate(MSP, BillingTerms(Tier.BUSINESS), [billed, *customers], None, month, LATER)
    assert after == without
    reopened = billed.opened(max(converted, start_of(month.first, zone)))
    again = calculate(MSP, BillingTerms(Tier.BUSINESS), [reopened, *customers], OWN, month, LATER)
    assert again == without


@given(st.lists(periods, min_size=1, max_size=4), moments)
def test_usage_up_to_a_moment_is_all_that_was_before_it(
    several: list[ActivePeriod], moment: datetime
) -> None:
    kept = TenantUsage(CONTOSO, OWN, "X", tuple(several)).until(moment)
    assert all(s.until is not None and s.since < moment and s.until <= moment for s in kept.periods)
    zone, month = ZoneInfo("UTC"), Month.of(moment, ZoneInfo("UTC"))
    for past in (month, month.plus(-1), month.plus(-7)):
        before = active_days(several, past, zone, moment)
        assert active_days(kept.periods, past, zone, LATER) == before
