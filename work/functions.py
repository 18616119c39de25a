"""The timer that finds work left undone."""

from datetime import timedelta

import azure.functions as func

from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.ports.pending_work import PendingWorkStore
from domain.ports.queues import Queues
from edge.telemetry import traced
from work.requeue import requeue_work


def work_functions(
    msps: MspStore, pending_work: PendingWorkStore, queues: Queues, clock: Clock, after: timedelta
) -> func.Blueprint:
    """Return the area's functions.

    Args:
        after: Age at which work on record is queued again.
    """
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # it has no types

    @blueprint.function_name("recover_work")
    @blueprint.timer_trigger("timer", "%RECOVERY_SCHEDULE%")
    @traced
    async def recover_work(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding's name
        await requeue_work(msps, pending_work, queues, clock, after)

    return blueprint
