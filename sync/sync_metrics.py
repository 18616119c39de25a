"""The cost of a sync as log lines and spans: per tenant, and per data set."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from domain.identifiers import TenantRef
from domain.ports.graph_reader import ReadCost
from sync.tally import Tally
from telemetry import Fact, count, log_event, span

_log = logging.getLogger(__name__)


@contextmanager
def measured_tenant(ref: TenantRef, cost: ReadCost) -> Iterator[None]:
    """Report the requests and the waiting time of reading a tenant, including the common batch."""
    with span("sync tenant") as current:
        try:
            yield
        finally:
            facts: dict[str, Fact] = {"tenant_id": ref.tenant_id, **_spent(cost)}
            current.set_attributes(facts)
            count("graph.throttled_ms", _spent(cost)["throttled_ms"])
            log_event(_log, "a tenant was read", **facts)


@contextmanager
def measured(ref: TenantRef, data_set: str, tally: Tally, cost: ReadCost) -> Iterator[None]:
    """Report the requests, rows and waiting time of a data set."""
    before = replace(cost)
    with span(f"sync {data_set}") as current:
        try:
            yield
        finally:
            facts: dict[str, Fact] = {
                "tenant_id": ref.tenant_id,
                "data_set": data_set,
                **{f"rows_{name}": number for name, number in asdict(tally).items()},
                **_spent(cost, before),
            }
            current.set_attributes(facts)
            if tally.unreadable:
                count("sync.unreadable_records", tally.unreadable, data_set=data_set)
            log_event(_log, "a data set was read", **facts)


def _spent(cost: ReadCost, before: ReadCost | None = None) -> dict[str, int]:
    then = before or ReadCost()
    return {
        "requests": cost.requests - then.requests,
        "throttled_ms": round(1000 * (cost.throttled_seconds - then.throttled_seconds)),
    }
