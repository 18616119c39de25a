"""An MSP is deleted while its invoices are issued and pursued: at every call, in both orders."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from typing import Any, override

import pytest

from billing.mark_paid import mark_paid
from billing.reconcile import reconcile
from domain.audit import SYSTEM, Cause
from domain.invoice import Payment
from domain.month import Month
from domain.ports.msp_store import MspStore
from domain.row_changes import Insert
from ops.deletion import DeletionPorts, InvoicesUnpaid, delete_msp
from tests.fakes.outside import FakeQueues
from tests.fakes.storage import FakePendingWork, FakeStaffIndex
from tests.samples import MSP, OWNER, tenant
from tests.unit.billing.world import SYDNEY, BillingWorld, bill_each, sydney

type Act = Callable[[], Awaitable[None]]
NAME = MSP.name


class Beside:
    """Runs a concurrent action before one of the calls of the ports that it guards.

    Args:
        at: Before which call, counted from 1.
        act: The action. It is skipped if the call sends an e-mail, which is then being sent.
    """

    def __init__(self, at: int, act: Act) -> None:
        self._at, self._act, self.calls = at, act, 0

    def guard[T](self, port: T) -> T:
        return _Guarded(port, self)  # type: ignore[return-value]  # behaves like the port

    async def call(self, name: str) -> None:
        self.calls += 1
        if self.calls == self._at and name != "send":
            await self._act()


class _Guarded:
    def __init__(self, port: Any, beside: Beside) -> None:
        self._port, self._beside = port, beside

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not iscoroutinefunction(found):
            return found

        async def called(*args: Any, **kwargs: Any) -> Any:
            await self._beside.call(name)
            return await found(*args, **kwargs)

        return called


async def _nothing() -> None:
    pass


class World(BillingWorld):
    """Onboarded on 1 October; September is closed. It is 1 November, a quarter past midnight."""

    def __init__(self) -> None:
        msp = replace(MSP, billing_email="accounts@contoso.com")
        super().__init__(tenant(), OWNER, msp=msp, customers=2)
        row = self.msps.rows[MSP.msp_id, "Msp"]
        since = replace(row.value, onboarded_at=sydney(2026, 10, 1))
        self.msps.rows[MSP.msp_id, "Msp"] = replace(row, value=since)
        self.late: int | None = None

    async def bill(self, beside: Beside) -> None:
        ports = replace(
            self.ports,
            msps=beside.guard(self.msps),
            invoices=beside.guard(self.invoices),
            emails=beside.guard(self.emails),
        )
        await bill_each(ports, self.cause)

    async def delete(self, at: datetime, msps: MspStore | None = None) -> None:
        ports = DeletionPorts(
            msps=msps or self.msps,
            staff_index=FakeStaffIndex(),
            pending_work=FakePendingWork(),
            queues=FakeQueues(),
        )
        with suppress(InvoicesUnpaid):
            await delete_msp(ports, MSP.msp_id, NAME, Cause(SYSTEM, at, "deletion"))
            self.late = len(self.emails.sent)

    async def pay(self) -> None:
        for known in await self.invoices.payments(MSP.msp_id, unpaid=True):
            await mark_paid(self.msps, self.invoices, MSP.msp_id, known.value.number, self.cause)

    async def check(self) -> None:
        """Check that nothing was owed when the MSP was deleted, and no e-mail was sent since."""
        closed_at, owed = None, dict[int, Month]()
        for operations in self.msps.commits:
            for row in (operation.row for operation in operations):
                if isinstance(row, Payment):
                    owed[row.number] = row.month
                    if row.paid_at:
                        del owed[row.number]
            actions = [getattr(op.row, "action", "") for op in operations if isinstance(op, Insert)]
            if "msp.deleted" in actions:
                closed_at = (await self.current()).closed_at
                assert closed_at is not None
                assert owed == {}
        if closed_at is not None:
            # Only the last invoice, of the month of the deletion, is issued after the deletion.
            assert set(owed.values()) <= {Month.of(closed_at, SYDNEY)}
            assert len(self.emails.sent) == self.late


@pytest.mark.parametrize("at", [sydney(2026, 10, 31, 23, 59, 59), sydney(2026, 11, 1, 0, 15)])
async def test_a_deletion_at_any_call_of_a_run_of_invoices(at: datetime) -> None:
    whole = Beside(0, _nothing)
    await World().bill(whole)
    for call in range(1, whole.calls + 1):
        world = World()
        await world.bill(Beside(call, lambda world=world: world.delete(at)))  # type: ignore[misc]  # bound at once
        await world.check()
        world.clock.advance(days=40)
        await world.run()
        await world.check()


@pytest.mark.parametrize("at", [sydney(2026, 10, 31, 23, 59, 59), sydney(2026, 11, 1, 0, 15)])
async def test_a_run_of_invoices_at_any_call_of_a_deletion(at: datetime) -> None:
    whole = Beside(0, _nothing)
    one = World()
    await one.run()
    await one.pay()
    await one.delete(at, whole.guard(one.msps))
    assert one.late is not None
    for is_issued in (False, True):
        for call in range(1, whole.calls + 1):
            world = World()
            if is_issued:
                await world.run()
                await world.pay()
            beside = Beside(call, world.run)
            await world.delete(at, beside.guard(world.msps))
            await world.check()
            world.clock.advance(days=40)
            await world.run()
            await world.check()


async def test_a_payment_and_a_deletion_at_any_call_of_a_run_that_pursues() -> None:
    """The payment step was decided; by the time of its e-mail the MSP has been deleted."""
    for days in (1, 15):
        whole = Beside(0, _nothing)
        for call in range(100):
            world = World()
            await world.run()
            world.clock.moment = sydney(2026, 11, 1, 12) + timedelta(days=days)

            async def settle(world: World = world) -> None:
                await world.pay()
                await world.delete(world.clock.now())

            whole = Beside(call, settle)
            await world.bill(whole)
            await world.check()
            if call > whole.calls:
                break
        assert 5 < whole.calls < 99


async def test_a_month_that_is_over_is_invoiced_before_its_msp_goes() -> None:
    world = World()
    await world.delete(world.clock.now())
    assert (await world.current()).closed_at is None
    await world.run()
    await world.pay()
    await world.delete(world.clock.now())
    assert (await world.current()).closed_at == world.clock.now()


async def test_a_deletion_that_was_cut_off_goes_on_though_the_last_invoice_is_unpaid() -> None:
    world = World()
    await world.run()
    await world.pay()
    await world.delete(world.clock.now())
    world.clock.advance(days=40)
    await world.run()
    assert len(await world.invoices.payments(MSP.msp_id, unpaid=True)) == 1
    ports = DeletionPorts(
        msps=world.msps,
        staff_index=FakeStaffIndex(),
        pending_work=FakePendingWork(),
        queues=FakeQueues(),
    )
    await delete_msp(ports, MSP.msp_id, NAME, world.cause)


@pytest.mark.parametrize("days", [1, 20])
async def test_a_deletion_that_goes_on_later_bills_nothing_after_its_start(days: int) -> None:
    world = World()
    await world.run()
    await world.pay()
    start = world.clock.moment = sydney(2026, 11, 5, 9)
    stop = _DeadAtTheTenants(0, _nothing)
    with pytest.raises(_KilledError):
        await world.delete(start, stop.guard(world.msps))
    assert (await world.current()).closed_at == start
    world.clock.advance(days=days)
    await world.delete(world.clock.now())
    world.clock.moment = sydney(2026, 12, 1, 9)
    await world.run()
    invoice = await world.invoices.invoice(MSP.msp_id, Month(2026, 11))
    assert invoice is not None
    assert {line.active_days for line in await world.invoices.lines(invoice)} == {5}
    found = await reconcile(
        world.msps, world.invoices, MSP.msp_id, Month(2026, 11), world.clock.now()
    )
    assert found is not None
    assert found.differences == ()


class _KilledError(Exception):
    """The process dies here."""


class _DeadAtTheTenants(Beside):
    @override
    async def call(self, name: str) -> None:
        if name == "tenant_records":  # the first tenant's
            raise _KilledError
