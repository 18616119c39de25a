"""Counters, under the names that the alerts query."""

import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from billing.bill_msp import BillingIncomplete, bill_msp
from domain.errors import StorageUnavailable
from domain.ports.graph_reader import Unreadable
from domain.sync_state import FIRST_SYNC
from telemetry import count, log_event, span, traced
from tenants.purge import purge_tenant
from tests.fakes.sync_world import World, user
from tests.samples import MSP
from tests.unit.billing.world import BillingWorld
from tests.unit.tenants.test_purge import REMOVED
from tests.unit.tenants.test_purge import World as PurgeWorld

type Counted = list[tuple[str, int, dict[str, Any]]]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """The recorded counts, in order."""
    found: Counted = []

    class Counter:
        def __init__(self, name: str) -> None:
            self._name = name

        def add(self, amount: int, facts: dict[str, Any]) -> None:
            found.append((self._name, amount, facts))

    monkeypatch.setattr("telemetry._counter", Counter)
    return found


async def test_a_sync_counts_its_outcome_and_what_graph_made_it_wait(counted: Counted) -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    world.graph.cost.throttled_seconds = 1.5
    await world.sync()
    assert ("manage365.graph.throttled_ms", 1500, {}) in counted
    assert ("manage365.sync.tenants", 1, {"outcome": "succeeded"}) in counted
    counted.clear()
    world = World()
    world.graph.small = {name: Unreadable("down") for name in FIRST_SYNC}
    world.graph.pages = [Unreadable("down")]
    await world.sync()
    assert ("manage365.sync.tenants", 1, {"outcome": "failed"}) in counted


async def test_a_run_counts_its_invoices_and_itself_when_it_ended_well(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = BillingWorld()
    await bill_msp(world.ports, MSP.msp_id, world.cause)
    assert counted == [
        ("manage365.invoices.issued", 2, {}),
        ("manage365.invoice.runs", 1, {}),
    ]
    counted.clear()
    await bill_msp(world.ports, MSP.msp_id, world.cause)
    assert counted == [("manage365.invoice.runs", 1, {})]
    counted.clear()

    async def fails(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr("billing.bill_msp.issue_invoices", fails)
    with pytest.raises(BillingIncomplete):
        await bill_msp(world.ports, MSP.msp_id, world.cause)
    assert counted == []


async def test_a_purge_is_counted_when_it_is_complete(counted: Counted) -> None:
    world = PurgeWorld(3)
    await world.removed()
    await purge_tenant(world.ports, REMOVED, "message")
    await purge_tenant(world.ports, REMOVED, "message again")
    assert counted == [("manage365.purges.completed", 1, {})]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("telemetry._tracer", lambda: provider.get_tracer("test"))
    return exporter


async def test_an_error_shows_in_a_span_by_its_type_alone(spans: InMemorySpanExporter) -> None:
    @traced
    async def purge_tenant_message(fails: bool) -> None:
        if fails:
            raise StorageUnavailable("of adele@contoso.com")

    await purge_tenant_message(fails=False)
    with pytest.raises(StorageUnavailable):
        await purge_tenant_message(fails=True)
    good, bad = spans.get_finished_spans()
    assert (good.name, good.status.status_code) == ("purge_tenant_message", StatusCode.UNSET)
    assert (bad.status.status_code, bad.status.description) == (
        StatusCode.ERROR,
        "StorageUnavailable",
    )
    assert "adele" not in bad.to_json()


def test_nothing_happens_while_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    with span("something", rows=1) as current:
        current.set_attribute("more", 2)
    count("somethings", kind="of them")
    with caplog.at_level("INFO"):
        log_event(logging.getLogger("some"), "something happened", rows=1)
    assert caplog.messages == ['something happened {"rows": 1}']
