from datetime import UTC, datetime, timedelta
from itertools import takewhile

from croniter import croniter

from tests.infra.bicep import defaults
from tests.scale.prices import TIMERS

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def runs_a_day(schedule: str) -> int:
    moments = croniter(schedule, BEGIN, ret_type=datetime, second_at_beginning=True)
    return sum(1 for _ in takewhile(lambda moment: moment <= BEGIN + DAY, moments))


def test_the_timers_that_are_priced_run_as_often_as_infra_has_them() -> None:
    assert sum(map(runs_a_day, defaults()["schedules"].values())) * 30 == TIMERS
