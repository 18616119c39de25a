"""A message that failed five times is counted, whatever it contains, and its handler succeeds."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from billing.functions import billing_functions
from consent.functions import ConsentSite, consent_functions
from consent.ports import ConsentPorts
from consent.start_session import ConsentLink
from core.operations.ports import OperationPorts
from core.stored_users import StoredUserUpdates
from domain.audit import AuditEvent
from domain.consent_session import hash_state
from domain.errors import MalformedInput
from domain.identifiers import MspRef, OperationRef, ScheduleRange, SessionRef
from domain.messages import (
    read_msp_ref,
    read_operation_ref,
    read_schedule_range,
    read_session_ref,
    read_tenant_ref,
    write_msp_ref,
    write_operation_ref,
    write_schedule_range,
    write_session_ref,
    write_tenant_ref,
)
from domain.operation import new_operation_id
from domain.ports.pending_work import PendingWork
from domain.sync_state import SyncPhase
from domain.work_queues import COMPLETE_CONSENT, PURGE_TENANT
from gdap.functions import gdap_functions
from gdap.ports import GdapPorts
from manage.operations.functions import operation_functions
from sync.functions import sync_functions
from tenants.functions import tenant_functions
from tenants.ports import TenantPorts
from tests.due import find_due
from tests.fakes.microsoft import FakeMicrosoft
from tests.fakes.outside import FakeConsents, FakeGdap, FakeIdentity
from tests.fakes.portfolio import FakeStoredUsers
from tests.fakes.storage import FakeConsentSessions, FakePendingWork
from tests.fakes.sync_world import World
from tests.samples import CONTOSO, NOW, tenant
from tests.unit.billing.world import BillingWorld
from work.requeue import WorkPorts, requeue_work

type Handler = Callable[[func.QueueMessage], Awaitable[None]]

SESSION = SessionRef(CONTOSO, hash_state("x"))
REF = tenant().ref
OPERATION = OperationRef(REF.msp_id, REF.tenant_id, REF.epoch, new_operation_id(NOW))
GOOD = {
    "sync_tenant": write_tenant_ref(REF),
    "purge_tenant": write_tenant_ref(REF),
    "complete_consent": write_session_ref(SESSION),
    "run_operation": write_operation_ref(OPERATION),
    "poll_msp_gdap": write_msp_ref(MspRef(CONTOSO)),
    "bill_msp": write_msp_ref(MspRef(CONTOSO)),
}
RANGE = ScheduleRange("07", f"2026-11-10T03:00:00Z:{CONTOSO}:{REF.tenant_id}:{REF.epoch}")
WORK = {name: name.replace("_", "-") for name in GOOD}
ACTIONS = {
    "sync_tenant": "sync.failed",
    "purge_tenant": "tenant.purge_failed",
    "complete_consent": "consent.attempts_failed",
    "run_operation": "operation.attempts_failed",
    "poll_msp_gdap": "gdap.poll_failed",
    "bill_msp": "billing.failed",
}
FIELDS = {
    "mspId": CONTOSO,
    "tenantId": REF.tenant_id,
    "epoch": REF.epoch,
    "session": "ab",
    "operationId": OPERATION.operation_id,
}
VALUES: list[Any] = [None, 5, [], {}, "", "a/b", "a'b", "a:b", "\ud800", "\0", "x" * 5000]
ODD: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"not JSON",
    "no text": b"\xff\xfe\x00\xd8\x80",
    "a number": b"7",
    "a large number": b"7" * 6000,
    "a list": b"[]",
    "a list of the names": b'["mspId", "tenantId", "epoch", "session", "operationId"]',
    "a text": b'"mspId"',
    "null": b"null",
    "deeply nested": b"[" * 30_000,
    "nothing named": b"{}",
    **{
        f"{name} is {json.dumps(value)[:20]}": json.dumps({**FIELDS, name: value}).encode()
        for name in ("mspId", "epoch")
        for value in VALUES
    },
    "an MSP that is not there": json.dumps({**FIELDS, "mspId": "nobody"}).encode(),
}


class Edge:
    """Replaces the routes, which queue handlers do not have."""

    page_tokens = None

    def add(self, *_: Any) -> None:
        pass


class App:
    """The functions of the queues over one world."""

    def __init__(self) -> None:
        self.world, self.pending_work = World(), FakePendingWork()
        world, edge = self.world, Edge()
        consent = ConsentPorts(
            *(world.store, FakeConsentSessions(), world.requests, self.pending_work),
            *(world.queues, FakeIdentity(), world.clock, FakeConsents()),
        )
        tenants = TenantPorts(
            msps=world.store,
            sync_states=world.states,
            sync_requests=world.requests,
            records=world.records,
            tenant_data=world.tenant_data,
            pending_work=self.pending_work,
            queues=world.queues,
            clock=world.clock,
            user_index=world.index,
            whole_reads=world.whole_reads,
        )
        microsoft = FakeMicrosoft()
        operations = OperationPorts(
            msps=world.store,
            pending_work=self.pending_work,
            queues=world.queues,
            clock=world.clock,
            writer=microsoft,
            directory=microsoft,
            access=microsoft,
            stored_users=StoredUserUpdates(FakeStoredUsers(), world.index, world.states),
            kinds={},
        )
        gdap = GdapPorts(
            *(world.store, FakeGdap(world.clock), world.requests, world.clock),
            *(FakeConsents(), self.pending_work),
        )
        app = func.FunctionApp()
        for blueprint in (
            sync_functions(world.ports),
            consent_functions(edge, ConsentSite(consent, ConsentLink("", ""), "")),  # type: ignore[arg-type]  # replaces it
            tenant_functions(edge, tenants),  # type: ignore[arg-type]  # the same
            operation_functions(edge, operations),  # type: ignore[arg-type]  # the same
            gdap_functions(edge, gdap),  # type: ignore[arg-type]  # the same
            billing_functions(edge, replace(BillingWorld().ports, msps=world.store)),  # type: ignore[arg-type]  # the same
        ):
            app.register_functions(blueprint)
        self.functions: dict[str, Handler] = {
            str(f.get_function_name()): f.get_user_function() for f in app.get_functions()
        }

    async def deliver(self, function: str, body: bytes | str) -> None:
        await self.functions[function](func.QueueMessage(id="m-1", body=body))

    def events(self) -> list[AuditEvent]:
        return [v.value for k, v in self.world.store.rows.items() if k[1] == "AuditEvent"]

    async def recover(self, **later: float) -> None:
        """Advance time, and fire the timers that recover lost work."""
        self.world.clock.advance(**later)
        await find_due(self.world.ports)
        await requeue_work(
            WorkPorts(
                msps=self.world.store,
                pending_work=self.pending_work,
                queues=self.world.queues,
                clock=self.world.clock,
            ),
            timedelta(minutes=2),
        )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []

    def note(metric: str, amount: int = 1, **facts: Any) -> None:
        found.append((metric, facts))

    monkeypatch.setattr("edge.poison.count", note)
    return found


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("function", GOOD)
async def test_a_poison_message_that_names_nothing_is_counted_and_ends_there(
    function: str, odd: str, counted: list[tuple[str, dict[str, Any]]]
) -> None:
    if "tenant" not in function and odd.startswith("epoch"):
        return
    app = App()
    before = dict(app.world.store.rows)
    await app.deliver(f"{function}_poison", ODD[odd])
    assert counted == [("work.poisoned", {"work": WORK[function]})]
    assert app.world.store.rows == before


@pytest.mark.parametrize("function", GOOD)
async def test_a_poison_message_is_counted_and_in_the_audit_log_of_its_msp(
    function: str, counted: list[tuple[str, dict[str, Any]]]
) -> None:
    app = App()
    await app.deliver(f"{function}_poison", GOOD[function])
    assert counted == [("work.poisoned", {"work": WORK[function]})]
    (event,) = app.events()
    assert (event.msp_id, event.action, event.request_id) == (CONTOSO, ACTIONS[function], "m-1")
    is_of_tenant = "tenant" in function or function == "run_operation"
    assert event.tenant_id == (REF.tenant_id if is_of_tenant else None)


async def test_a_failed_search_is_counted_and_belongs_to_no_msp(
    counted: list[tuple[str, dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    app = App()
    await app.deliver("find_due_tenants_poison", write_schedule_range(RANGE))
    assert counted == [("work.poisoned", {"work": "find-due-tenants"})]
    assert app.events() == []
    assert "partition 07" in caplog.text


async def test_it_is_counted_and_told_also_when_the_rest_fails(
    counted: list[tuple[str, dict[str, Any]]],
) -> None:
    app = App()

    async def failing(*_: Any) -> None:
        raise RuntimeError("the state cannot be read")

    app.world.states.find = failing  # type: ignore[method-assign, assignment]  # an odd state
    with pytest.raises(RuntimeError):
        await app.deliver("sync_tenant_poison", GOOD["sync_tenant"])
    assert counted == [("work.poisoned", {"work": "sync-tenant"})]
    assert [event.action for event in app.events()] == ["sync.failed"]


async def test_a_sync_whose_message_failed_is_marked() -> None:
    app = App()
    await app.world.request()
    await app.deliver("sync_tenant_poison", GOOD["sync_tenant"])
    assert app.world.state.phase is SyncPhase.FAILED


@pytest.mark.parametrize("odd", ODD)
def test_what_names_nothing_is_refused_before_anything_is_done(odd: str) -> None:
    """The host then retries it, and finally moves it to the poison queue."""
    read = read_session_ref if odd.startswith("a list of") else read_tenant_ref
    if odd == "an MSP that is not there":
        return
    with pytest.raises(MalformedInput) as caught:
        read(ODD[odd])
    assert "xxx" not in str(caught.value)


async def test_what_the_host_drops_before_any_function_sees_it_is_queued_again() -> None:
    """The host drops a message that is not base64, from the queue and from its poison queue.

    No function is called then. Each queue's work is also stored elsewhere, and is queued again.
    """
    app = App()
    await app.world.request()
    gone = replace(REF, epoch="another-life")  # type: ignore[arg-type]  # its row is gone
    now = app.world.clock.now()
    await app.pending_work.record(PendingWork(PURGE_TENANT, gone, now))
    await app.pending_work.record(PendingWork(COMPLETE_CONSENT, SESSION, now))
    queues = app.world.queues
    for hours in (1, 2, 4):  # a sync is requested less and less often
        queues.syncs, queues.purges, queues.consents = [], [], []  # dropped
        await app.recover(hours=hours)
        assert (queues.syncs, queues.purges, queues.consents) == ([REF], [gone], [SESSION])


def test_messages_are_read_as_they_are_written() -> None:
    assert read_tenant_ref(write_tenant_ref(REF)) == REF
    assert read_session_ref(write_session_ref(SESSION).encode()) == SESSION
    assert read_operation_ref(write_operation_ref(OPERATION)) == OPERATION
    assert read_msp_ref(write_msp_ref(MspRef(CONTOSO))) == MspRef(CONTOSO)
    assert read_schedule_range(write_schedule_range(RANGE)) == RANGE
    whole = ScheduleRange("07")
    assert read_schedule_range(write_schedule_range(whole).encode()) == whole
