import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from domain.errors import StorageUnavailable
from domain.identifiers import Epoch
from domain.ports.graph_reader import PositionLost, Records, Refusal, Unreadable, UserPage
from domain.ports.synced_records import SyncedRecord
from domain.sync_state import FIRST_SYNC, ReadState, SyncPhase
from domain.tenant import Tenant, TenantStatus
from sync.primary_domain import decide_domain
from sync.sync_tenant import sync_tenant
from tests.fakes.storage import FakeMspStore
from tests.fakes.sync_world import World, user
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, NOW, tenant

SMALL = [name for name in FIRST_SYNC if name != "users"]


def changes(*records: SyncedRecord, removed: tuple[str, ...] = (), link: str = "d") -> UserPage:
    return UserPage(records, removed, delta_link=link)


async def test_a_first_sync_stores_every_data_set_and_its_state() -> None:
    world = World()
    world.graph.pages = [[user("a"), user("b")], [user("c")], []]
    world.graph.small = {"licences": Records([SyncedRecord("l", {"skuId": "l"})])}
    state = await world.sync()
    assert state.phase is SyncPhase.SUCCEEDED
    assert state.first_synced_at == state.last_synced_at == NOW
    assert state.lease_until is None
    assert state.data_set("users").count == 3
    assert state.data_set("licences").count == 1
    assert world.users() == ["a", "b", "c"]


async def test_an_unchanged_tenant_costs_two_requests_and_four_table_operations() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    world.graph.small = {"licences": Records([SyncedRecord("l", {"skuId": "l"})])}
    await world.sync()
    world.clock.advance(seconds=1)
    await world.request()
    world.graph.asked.clear()
    operations = _count_operations(world)
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.graph.asked == ["small data sets", "changes delta 0"]
    # The lease is taken for the users, whose rows may take longer to read.
    assert operations == ["find", "find", "replace", "replace"]
    assert world.state.data_set("users").count == 1


def _count_operations(world: World) -> list[str]:
    """Record every call of a storage port from now on."""
    operations: list[str] = []

    def noted(port: Any, name: str) -> None:
        method = getattr(port, name)

        async def call(*args: Any) -> Any:
            operations.append(name)
            return await method(*args)

        setattr(port, name, call)

    ports = {
        world.states: ("find", "add", "replace", "remove", "of_msp"),
        world.store: ("head", "tenant_records", "find", "page", "commit"),
        world.records: ("digests", "write", "delete", "page"),
        world.schedule: ("add", "remove"),
        world.index: ("counts", "read", "write", "purge"),
    }
    for port, names in ports.items():
        for name in names:
            noted(port, name)
    return operations


async def test_a_long_sync_shows_how_far_it_is() -> None:
    world = World()
    shown: list[tuple[SyncPhase, int | None]] = []

    async def slowly(next_link: str | None = None) -> AsyncIterator[UserPage]:
        for page in range(4):
            world.clock.advance(seconds=3)
            state = world.state
            shown.append((state.phase, state.data_set("users").count))
            yield UserPage([user(f"{page}-{n}") for n in range(10)], next_link=str(page))

    world.graph.users = slowly  # type: ignore[method-assign]  # a long read
    await world.sync()
    # A page is written while the next one is fetched, so the progress is one page behind.
    assert shown[0] == (SyncPhase.RUNNING, None)
    assert shown[-1] == (SyncPhase.RUNNING, 20)


async def test_what_a_sync_cost_is_told_for_the_tenant_and_each_data_set(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("telemetry._tracer", lambda: provider.get_tracer("test"))
    world = World()
    world.graph.pages = [[user("a"), user("b")]]
    world.graph.cost.requests = 7
    with caplog.at_level("INFO", "sync.sync_metrics"):
        await world.sync()
    lines = [json.loads(line.getMessage().partition("read ")[2]) for line in caplog.records]
    told = {line.get("data_set", "tenant"): line for line in lines}
    assert set(told) == {"tenant", *FIRST_SYNC}
    assert told["tenant"]["requests"] == 7
    assert told["users"]["tenant_id"] == world.tenant.tenant_id
    counted = ("read", "written", "unchanged", "deleted")
    assert [told["users"][f"rows_{name}"] for name in counted] == [2, 2, 0, 0]
    assert told["users"]["throttled_ms"] == 0
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"sync tenant", *(f"sync {name}" for name in FIRST_SYNC)}
    attributes = spans["sync users"].attributes or {}
    assert attributes["rows_written"] == told["users"]["rows_written"]
    parts = [span for name, span in spans.items() if name != "sync tenant"]
    parents = {span.parent.span_id for span in parts if span.parent}
    whole = spans["sync tenant"].context
    assert whole is not None
    assert parents == {whole.span_id}


async def test_changes_are_applied_and_replays_do_no_harm() -> None:
    world = World()
    world.graph.pages = [[user("a"), user("b")]]
    await world.sync()
    told = changes(user("a", "New"), user("c"), removed=("b", "never seen"), link="d2")
    for expected in (2, 0):
        world.records.written = 0
        world.graph.changed = [told]
        state = await world.sync()
        assert (world.users(), world.records.written) == (["a", "c"], expected)
        assert state.data_set("users").count == 2
    world.graph.asked.clear()
    await world.sync()
    assert "changes d2" in world.graph.asked


async def test_a_user_that_moves_between_pages_is_met_by_the_changes() -> None:
    world = World()
    world.graph.pages = [[user("a")], [user("c")]]
    world.graph.changed = [changes(user("b"), removed=("c",))]
    state = await world.sync()
    assert world.users() == ["a", "b"]
    assert state.data_set("users").count == 2


async def test_a_lost_position_starts_over_and_deletes_only_after_a_complete_read() -> None:
    world = World()
    world.graph.pages = [[user("a"), user("b")]]
    await world.sync()
    world.graph.changed = [PositionLost()]
    world.graph.pages = [[user("b", "New")], Unreadable("down")]
    state = await world.sync()
    assert world.users() == ["a", "b"]
    assert state.data_set("users").state is ReadState.FAILED
    world.graph.pages = [[user("b", "New")], [user("c")]]
    world.records.written = 0
    state = await world.sync()
    assert (world.users(), world.records.written) == (["b", "c"], 1)
    assert state.data_set("users").count == 2
    assert state.phase is SyncPhase.SUCCEEDED


async def test_a_position_that_is_lost_again_and_again_fails_the_users_alone() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    await world.sync()
    world.graph.changed = [PositionLost(), PositionLost()]
    state = await world.sync()
    users = state.data_set("users")
    assert (users.state, users.error) == (
        ReadState.FAILED,
        "Microsoft Graph keeps losing the position",
    )
    assert world.users() == ["a"]
    assert state.phase is SyncPhase.PARTIAL


async def test_a_first_read_that_graph_puts_off_goes_on_where_it_stopped() -> None:
    world = World()
    world.graph.pages = [[user("a")], [user("b")], Unreadable("wait", retry_after=90)]
    state = await world.sync()
    assert state.phase is SyncPhase.PENDING
    assert state.not_before == NOW + timedelta(seconds=90)
    assert (state.lease_until, state.last_synced_at) == (None, None)
    assert world.users() == ["a", "b"]
    assert world.queues.delays == [0, 90]
    world.clock.advance(seconds=200)
    await world.request()
    assert len(world.queues.syncs) == 2  # the waiting sync is not requested again
    world.graph.pages = [[user("a")], [user("b")], [user("c")]]
    world.graph.changed = [changes(removed=("a",))]
    await sync_tenant(world.ports, world.tenant.ref)
    assert "users 2" in world.graph.asked
    assert world.users() == ["b", "c"]
    assert world.state.phase is SyncPhase.SUCCEEDED


async def test_a_sync_is_put_off_for_an_hour_and_then_has_failed() -> None:
    world = World()
    world.graph.pages = [Unreadable("wait", retry_after=600)]
    await world.sync()
    for _ in range(7):
        world.clock.advance(seconds=601)
        await sync_tenant(world.ports, world.tenant.ref)
    assert world.state.data_set("users").state is ReadState.FAILED
    assert world.state.phase is SyncPhase.PARTIAL
    assert len(world.queues.syncs) == 1 + 5


async def test_a_record_that_cannot_be_stored_stops_no_other_data_set() -> None:
    world = World()
    world.graph.pages = [[user("a")]]
    world.graph.small = {"licences": Records([SyncedRecord("l", {"skuId": "l"})])}

    async def refuse(*_: Any) -> None:
        raise Unreadable("too large")

    world.records.write = refuse  # type: ignore[method-assign, assignment]
    state = await world.sync()
    assert state.phase is SyncPhase.PARTIAL
    assert state.data_set("users").error == "too large"
    assert state.data_set("licences").count == 1


@pytest.mark.parametrize("seconds", [3600.0, float("inf")])
async def test_a_wait_beyond_the_hour_is_a_failure_at_once(seconds: float) -> None:
    world = World()
    world.graph.pages = [Unreadable("wait", retry_after=seconds)]
    state = await world.sync()
    assert state.data_set("users").state is ReadState.FAILED
    assert (state.phase, len(world.queues.syncs)) == (SyncPhase.PARTIAL, 1)


@pytest.mark.parametrize(
    ("failure", "read", "permission"),
    [
        (
            Unreadable("denied", Refusal("Authorization_RequestDenied", is_denied=True)),
            ReadState.NOT_AUTHORISED,
            "LicenseAssignment.Read.All",
        ),
        (Unreadable("500"), ReadState.FAILED, None),
    ],
)
async def test_a_failed_read_wipes_nothing_and_the_others_go_on(
    failure: Unreadable, read: ReadState, permission: str | None
) -> None:
    world = World()
    world.graph.small = {"licences": Records([SyncedRecord("l", {}), SyncedRecord("m", {})])}
    await world.sync()
    world.graph.small = {"licences": failure}
    world.clock.advance(hours=1)
    state = await world.sync()
    assert state.phase is SyncPhase.PARTIAL
    licences = state.data_set("licences")
    assert (licences.state, licences.count, licences.synced_at) == (read, 2, NOW)
    assert licences.missing_permission == permission
    assert world.stored("licences") == ["l", "m"]
    assert state.data_set("users").state is ReadState.SUCCEEDED


async def test_content_whose_state_was_not_stored_is_compared_again() -> None:
    world = World()
    first, second = (Records([SyncedRecord("l", {"n": number})]) for number in (1, 2))
    world.graph.small = {"licences": first}
    await world.sync()
    rows = world.tenant_data.rows[world.tenant.ref]
    write = world.tenant_data.write

    async def write_and_die(*arguments: Any) -> None:
        await write(*arguments)
        raise StorageUnavailable

    world.tenant_data.write = write_and_die  # type: ignore[method-assign, assignment]
    world.graph.small = {"licences": second}
    with pytest.raises(StorageUnavailable):
        await world.sync()
    assert rows["licences"] == {"l": {"n": 2}}
    world.tenant_data.write = write  # type: ignore[method-assign]
    world.graph.small = {"licences": first}
    world.clock.advance(minutes=5)
    await world.sync()
    assert rows["licences"] == {"l": {"n": 1}}


async def test_a_sync_in_which_nothing_could_be_read_is_no_first_sync() -> None:
    world = World()
    world.graph.pages = [Unreadable("down")]
    world.graph.small = {name: Unreadable("down") for name in SMALL}
    state = await world.sync()
    assert (state.phase, state.first_synced_at) == (SyncPhase.FAILED, None)


@pytest.mark.parametrize("gone", [True, False])
async def test_a_removed_or_suspended_tenant_is_not_read(gone: bool) -> None:
    world = World(tenant(status=TenantStatus.SUSPENDED))
    await world.request()
    if gone:
        world.store.rows.clear()
    await sync_tenant(world.ports, world.tenant.ref)
    assert world.graph.asked == []
    assert (world.tenant.ref in world.states.rows) is not gone


async def test_secure_scores_stay_for_ninety_days_though_graph_forgets_them() -> None:
    world = World()
    days = (0, 89, 90, 91)
    keys = [f"{day:07d}:{(NOW - timedelta(days=day)).date().isoformat()}" for day in days]
    scores = [SyncedRecord(key, {"createdDateTime": f"{key[8:]}T01:00:00Z"}) for key in keys]
    world.graph.small = {"secureScore": Records(scores)}
    await world.sync()
    world.graph.small = {"secureScore": Records(scores[:1])}
    state = await world.sync()
    assert world.stored("secureScore") == keys[:3]
    assert state.data_set("secureScore").count == 3


async def test_a_customers_domain_is_learned_once() -> None:
    world = World(tenant(primary_domain=None))
    await world.sync()  # it cannot be read yet
    world.graph.domain = "northwindtraders.com"
    for _ in range(2):
        await world.sync()
        (known,) = world.store.of_kind(Tenant, CONTOSO)
        assert known.value == replace(world.tenant, primary_domain="northwindtraders.com")
    assert world.graph.asked.count("primary domain") == 2
    assert world.store.actions(CONTOSO) == ["tenant.edited"]


async def test_a_domain_is_not_asked_for_where_nothing_can_be_read() -> None:
    world = World(tenant(primary_domain=None))
    failure = Unreadable("no access")
    world.graph.small = dict.fromkeys(SMALL, failure)
    world.graph.pages = [failure]
    assert (await world.sync()).phase is SyncPhase.FAILED
    assert "primary domain" not in world.graph.asked


async def test_a_domain_is_no_other_lifes_and_overwrites_none() -> None:
    for there in (tenant(primary_domain=None, epoch=Epoch("later")), tenant(), None):
        store = FakeMspStore(MSP, *([there] if there else []))
        records = await store.tenant_records(CONTOSO, CUSTOMER)
        assert decide_domain(records, tenant().ref, "example.com", CAUSE).operations == ()
