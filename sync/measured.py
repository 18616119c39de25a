"""What a sync of one data set cost, as a log line and a span."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from opentelemetry import trace

from domain.ports import ReadCost
from sync.rows import Rows

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer("manage365.sync")


@contextmanager
def measured(rows: Rows, cost: ReadCost) -> Iterator[None]:
    """Tell requests, rows and waiting of what happens inside."""
    before = replace(cost)
    with _tracer.start_as_current_span(f"sync {rows.name}") as span:
        try:
            yield
        finally:
            facts = {
                "tenant_id": rows.lease.state.ref.tenant_id,
                "data_set": str(rows.name),
                **{f"rows_{name}": count for name, count in asdict(rows.tally).items()},
                "requests": cost.requests - before.requests,
                "throttled_ms": round(1000 * (cost.throttled_seconds - before.throttled_seconds)),
            }
            span.set_attributes(facts)
            _log.info("a data set was read", extra=facts)
