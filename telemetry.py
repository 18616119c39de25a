"""Telemetry of the app: spans of its use cases, counters of completed work, and log lines.

Spans and counters use OpenTelemetry's API, which does nothing until `adapters.telemetry` sets it
up. The API is loaded at first use, so that a cold start does not load it. Telemetry never names a
person: it contains only identifiers, counts, and texts defined in this code.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter
    from opentelemetry.trace import Span, Tracer

_NAME = "manage365"

type Fact = str | int | float


@contextmanager
def span(name: str, **facts: Fact) -> Iterator["Span"]:
    """Measure the enclosed block; an error is reported by its type, never by its text."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415  loaded with the first span

    with _tracer().start_as_current_span(
        name, attributes=facts, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traced[**P, R](trigger: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Measure each run of a timer's or a queue's trigger as a span with the trigger's name."""

    @wraps(trigger)
    async def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        with span(trigger.__name__):
            return await trigger(*args, **kwargs)

    return measured


def count(metric: str, amount: int = 1, **facts: Fact) -> None:
    """Add to a counter."""
    _counter(f"{_NAME}.{metric}").add(amount, facts)


def log_event(log: logging.Logger, what: str, **facts: Fact) -> None:
    """Write a log line: the event, and the facts as JSON."""
    log.info("%s %s", what, json.dumps(facts))


@cache
def _tracer() -> "Tracer":
    from opentelemetry import trace  # noqa: PLC0415  loaded with the first span

    return trace.get_tracer(_NAME)


@cache
def _counter(name: str) -> "Counter":
    from opentelemetry import metrics  # noqa: PLC0415  loaded with the first count

    return metrics.get_meter(_NAME).create_counter(name)
