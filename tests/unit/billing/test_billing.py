from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.calculation import calculate, rounded
from billing.proration import active_days
from domain.billing_terms import BillingTerms
from domain.errors import MalformedInput
from domain.identifiers import TenantId
from domain.month import Month
from domain.msp import Tier
from domain.usage import ActivePeriod, TenantUsage
from tests.samples import CONTOSO, MSP, OTHER, OWN

TERMS = BillingTerms.first_of(MSP)
SYDNEY = ZoneInfo("Australia/Sydney")
OCTOBER = Month(2026, 10)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
START = datetime(2026, 9, 1, tzinfo=UTC)
moments = st.integers(0, 90 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))


def sydney(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SYDNEY).astimezone(UTC)  # type: ignore[arg-type, misc]  # a date's parts


def usage(tenant_id: TenantId, *periods: ActivePeriod, name: str = "X") -> TenantUsage:
    return TenantUsage(CONTOSO, tenant_id, name, periods)


@pytest.mark.parametrize(
    ("periods", "days"),
    [
        ([ActivePeriod(sydney(2026, 1, 1))], 31),
        ([ActivePeriod(sydney(2026, 10, 1), sydney(2026, 11, 1))], 31),
        ([ActivePeriod(sydney(2026, 10, 5, 23, 59), sydney(2026, 10, 6, 0, 1))], 2),
        ([ActivePeriod(sydney(2026, 10, 5), sydney(2026, 10, 6))], 1),
        (
            [ActivePeriod(sydney(2026, 10, 4), sydney(2026, 10, 5))],
            1,
        ),  # 23 hours: daylight saving begins
        ([ActivePeriod(sydney(2026, 10, 5), sydney(2026, 10, 5))], 0),
        ([ActivePeriod(sydney(2026, 11, 1))], 0),
        ([ActivePeriod(sydney(2026, 9, 1), sydney(2026, 10, 1))], 0),
        ([ActivePeriod(sydney(2026, 10, 1, 1), sydney(2026, 10, 1, 2))] * 3, 1),
    ],
)
def test_a_day_counts_once_for_any_part_of_it(periods: list[ActivePeriod], days: int) -> None:
    assert active_days(periods, OCTOBER, SYDNEY, LATER) == days


def test_days_to_come_are_not_yet_active() -> None:
    periods = [ActivePeriod(sydney(2026, 1, 1))]
    assert active_days(periods, OCTOBER, SYDNEY, sydney(2026, 10, 10, 12)) == 10


@given(since=moments, until=moments, cut=moments)
def test_splitting_a_period_loses_and_adds_no_day(
    since: datetime, until: datetime, cut: datetime
) -> None:
    since, cut, until = sorted((since, cut, until))
    whole = active_days([ActivePeriod(since, until)], OCTOBER, SYDNEY, LATER)
    parts = active_days(
        [ActivePeriod(since, cut), ActivePeriod(cut, until)], OCTOBER, SYDNEY, LATER
    )
    assert whole == parts


@given(since=moments, until=moments)
def test_days_agree_with_counting_them_one_by_one(since: datetime, until: datetime) -> None:
    since, until = sorted((since, until))
    counted = 0
    for number in range(1, 32):
        start = datetime(2026, 10, number, tzinfo=SYDNEY)
        next_day = date(2026, 10, number) + timedelta(days=1)
        end = datetime(next_day.year, next_day.month, next_day.day, tzinfo=SYDNEY)
        counted += since < end and until > start and since < until
    assert active_days([ActivePeriod(since, until)], OCTOBER, SYDNEY, LATER) == counted


def test_nineteen_customers_and_the_partner_tenant_are_nineteen() -> None:
    always = ActivePeriod(sydney(2026, 1, 1))
    usages = [usage(TenantId(f"{n:08d}"), always) for n in range(19)] + [usage(OWN, always)]
    charge = calculate(MSP, TERMS, usages, OWN, OCTOBER, LATER)
    assert len(charge.lines) == 19
    assert (charge.subtotal, charge.gst, charge.total) == (
        Decimal("741.00"),
        Decimal("74.10"),
        Decimal("815.10"),
    )


def test_the_partner_tenant_is_not_billed_for_days_on_which_it_was_a_customer() -> None:
    earlier = ActivePeriod(sydney(2026, 10, 1), sydney(2026, 10, 12))
    charge = calculate(MSP, TERMS, [usage(OWN, earlier)], OWN, OCTOBER, LATER)
    assert charge.lines == ()
    assert charge.total == Decimal("0.00")


def test_lines_are_in_the_order_of_the_names_whatever_their_case() -> None:
    always = ActivePeriod(sydney(2026, 1, 1))
    names = ("beta", "Alpha", "alpha", "Gamma")
    usages = [usage(TenantId(f"{n}"), always, name=name) for n, name in enumerate(names)]
    charge = calculate(MSP, TERMS, usages, OWN, OCTOBER, LATER)
    assert [line.tenant_id for line in charge.lines] == ["1", "2", "0", "3"]


def test_no_gst_outside_australia() -> None:
    always = usage(OTHER, ActivePeriod(sydney(2026, 1, 1)))
    charge = calculate(replace(MSP, country="NZ"), TERMS, [always], None, OCTOBER, LATER)
    assert (charge.gst, charge.total) == (Decimal("0.00"), Decimal("39.00"))


@pytest.mark.parametrize(
    ("tier", "agreed", "price"),
    [
        (Tier.PROFESSIONAL, None, "49.00"),
        (Tier.BUSINESS, None, "39.00"),
        (Tier.ENTERPRISE, None, "29.00"),
        (Tier.ENTERPRISE_PLUS, 2155, "21.55"),
    ],
)
def test_each_tier_has_its_price(tier: Tier, agreed: int | None, price: str) -> None:
    terms = BillingTerms(tier, agreed)
    assert str(calculate(MSP, terms, [], None, OCTOBER, LATER).unit_price) == price


@given(st.lists(st.tuples(moments, moments), max_size=20))
def test_totals_are_the_sums_of_rounded_lines(times: list[tuple[datetime, datetime]]) -> None:
    usages = [
        usage(TenantId(f"{n:08d}"), ActivePeriod(min(pair), max(pair)))
        for n, pair in enumerate(times)
    ]
    charge = calculate(MSP, TERMS, usages, OWN, OCTOBER, LATER)
    assert charge.subtotal == sum((line.amount for line in charge.lines), Decimal(0))
    assert charge.total == charge.subtotal + charge.gst
    assert len({line.tenant_id for line in charge.lines}) == len(charge.lines)
    assert all(Decimal(0) < line.amount <= charge.unit_price for line in charge.lines)


def test_halves_are_rounded_up() -> None:
    assert [rounded(Decimal(text)) for text in ("0.005", "0.015", "1.2549")] == [
        Decimal("0.01"),
        Decimal("0.02"),
        Decimal("1.25"),
    ]


@pytest.mark.parametrize(
    "text", ["2026", "2026-13", "2026-1", "x", "2026-10-01", "\uff12026-10", "9999-12"]
)
def test_a_month_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        Month.parse(text)
