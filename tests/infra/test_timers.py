"""Messages that a timer sends again live as long as the timer's period."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from croniter import croniter

from domain.work_queues import BILL_MSP, FIND_DUE_TENANTS, POLL_MSP_GDAP, WORK_QUEUES, WorkQueue
from tests.infra.bicep import defaults

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
TIMERS = {
    FIND_DUE_TENANTS.name: "SYNC_SCHEDULE",
    POLL_MSP_GDAP.name: "GDAP_SCHEDULE",
    BILL_MSP.name: "INVOICE_SCHEDULE",
}


def period(schedule: str) -> timedelta:
    times = croniter(schedule, BEGIN, ret_type=datetime, second_at_beginning=True)
    first, second = next(times), next(times)
    return timedelta(seconds=(second - first).total_seconds())


@pytest.mark.parametrize("queue", WORK_QUEUES, ids=[queue.name for queue in WORK_QUEUES])
def test_a_message_lives_as_long_as_its_timers_period(queue: WorkQueue[Any]) -> None:
    schedule = TIMERS.get(queue.name)

    assert queue.time_to_live == (period(defaults()["schedules"][schedule]) if schedule else None)
