"""Timers: NCRONTAB with six fields, one occurrence at a time, without a backlog."""

import asyncio
import json
import logging
from datetime import UTC, datetime

from azure_functions_runtime.bindings.datumdef import Datum
from croniter import croniter

from local.host.worker import Function, InvocationFailed, invoke

_log = logging.getLogger(__name__)


class Timer:
    """One timer function."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self._one_at_a_time = asyncio.Lock()

    async def fire(self) -> None:
        """Invoke the function, after any invocation that is still running.

        Raises:
            InvocationFailed: The function raised.
        """
        async with self._one_at_a_time:
            value = json.dumps({"IsPastDue": False, "Schedule": {}, "ScheduleStatus": {}})
            await invoke(self.function, Datum(value, "json"))

    async def run(self) -> None:
        """Fire on schedule until cancelled; a missed occurrence is not made up for."""
        while True:
            now = datetime.now(UTC)
            schedule = croniter(self.function.trigger["schedule"], now, second_at_beginning=True)
            await asyncio.sleep((schedule.get_next(datetime) - now).total_seconds())
            try:
                await self.fire()
            except InvocationFailed:
                _log.exception("%s failed", self.function.name)
