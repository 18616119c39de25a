"""Triggers of timers and of work queues; each queue has a poison queue."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import azure.functions as func

from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore
from domain.work_queues import Subject, WorkQueue
from edge.poison import record_poison
from telemetry import traced

_CONNECTION = "AzureWebJobsStorage"


def new_blueprint() -> func.Blueprint:
    """Return an empty set of functions."""
    return func.Blueprint()  # type: ignore[no-untyped-call]  # it has no types


def add_timer(
    blueprint: func.Blueprint, name: str, setting: str, run: Callable[[], Awaitable[object]]
) -> None:
    """Add a timer.

    Args:
        name: Name of the function.
        setting: Name of the app setting with the schedule (NCRONTAB).
    """

    async def trigger(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding's name
        await run()

    trigger.__name__ = name
    bind = blueprint.timer_trigger("timer", f"%{setting}%")
    blueprint.function_name(name)(bind(traced(trigger)))


@dataclass(frozen=True, slots=True)
class FailedMessages:
    """The ports with which messages that failed five times are recorded."""

    msps: MspStore
    clock: Clock


def add_work_queue[R: Subject](
    blueprint: func.Blueprint,
    queue: WorkQueue[R],
    failed: FailedMessages,
    run: Callable[[R, str], Awaitable[None]],
    after_failure: Callable[[R], Awaitable[None]] | None = None,
) -> None:
    """Add the triggers of a work queue and of its poison queue.

    Args:
        run: Processes a subject; it also gets the message's ID, as the ID of the request.
        after_failure: Called in addition when a message has failed five times.
    """

    async def work(message: func.QueueMessage) -> None:
        await run(queue.read(message.get_body()), message.id or "")

    async def poison(message: func.QueueMessage) -> None:
        # The work itself is recorded elsewhere, so that it is tried again.
        subject = await record_poison(failed.msps, queue, message, failed.clock.now())
        if subject is not None and after_failure is not None:
            await after_failure(subject)

    for suffix, trigger in (("", work), ("-poison", poison)):
        name = f"{queue.function}{suffix.replace('-', '_')}"
        trigger.__name__ = name
        bind = blueprint.queue_trigger("message", f"{queue.name}{suffix}", _CONNECTION)
        blueprint.function_name(name)(bind(traced(trigger)))
