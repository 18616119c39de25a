"""What a sync cost, as log lines and spans: of the tenant, and of each data set in it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING

from domain.identifiers import TenantRef
from domain.ports import ReadCost
from sync.rows import Rows

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_log = logging.getLogger(__name__)


@cache
def _tracer() -> "Tracer":
    # Loaded with the first sync: a cold start for an HTTP request does without it.
    from opentelemetry import trace  # noqa: PLC0415

    return trace.get_tracer("manage365.sync")


@contextmanager
def measured_tenant(ref: TenantRef, cost: ReadCost) -> Iterator[None]:
    """Tell requests and waiting of all that is read of a tenant, the common batch included."""
    with _tracer().start_as_current_span("sync tenant") as span:
        try:
            yield
        finally:
            facts: dict[str, str | int] = {"tenant_id": ref.tenant_id, **_spent(cost)}
            span.set_attributes(facts)
            _log.info("a tenant was read", extra=facts)


@contextmanager
def measured(rows: Rows, cost: ReadCost) -> Iterator[None]:
    """Tell requests, rows and waiting of a data set."""
    before = replace(cost)
    with _tracer().start_as_current_span(f"sync {rows.name}") as span:
        try:
            yield
        finally:
            facts = {
                "tenant_id": rows.lease.state.ref.tenant_id,
                "data_set": str(rows.name),
                **{f"rows_{name}": count for name, count in asdict(rows.tally).items()},
                **_spent(cost, before),
            }
            span.set_attributes(facts)
            _log.info("a data set was read", extra=facts)


def _spent(cost: ReadCost, before: ReadCost | None = None) -> dict[str, int]:
    then = before or ReadCost()
    return {
        "requests": cost.requests - then.requests,
        "throttled_ms": round(1000 * (cost.throttled_seconds - then.throttled_seconds)),
    }
