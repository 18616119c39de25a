import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.bill_msp import BillingIncomplete
from billing.mark_paid import mark_paid
from billing.payments import SUSPENSION, due_step, is_overdue, pursue
from domain.errors import InvoiceNotFound
from domain.invoice import Payment
from domain.ports.billing_emails import NoticeKind
from domain.row_changes import Versioned
from tests.samples import MSP
from tests.unit.billing.world import BillingWorld, sydney

EMAIL = "accounts@contoso.com"


def october() -> BillingWorld:
    """One invoice, for October, issued on 1 November and due on the 15th."""
    world = BillingWorld(msp=replace(MSP, billing_email=EMAIL))
    row = world.msps.rows[MSP.msp_id, "Msp"]
    world.msps.rows[MSP.msp_id, "Msp"] = replace(
        row, value=replace(row.value, onboarded_at=sydney(2026, 10, 1))
    )
    return world


async def days(world: BillingWorld, *numbers: int) -> None:
    """Run at noon on each of these days after the day of issue."""
    for number in numbers:
        world.clock.moment = sydney(2026, 11, 1, 12) + timedelta(days=number)
        await world.run()


async def pay(world: BillingWorld, number: int = 1) -> bool:
    return await mark_paid(world.msps, world.invoices, MSP.msp_id, number, world.cause)


async def test_payment_is_asked_for_after_one_three_and_seven_days_and_then_no_more() -> None:
    world = october()
    await days(world, *range(14))
    assert world.actions().count("invoice.payment_retried") == 3
    assert [notice.kind for notice in world.emails.sent] == [NoticeKind.PAYMENT_DUE] * 3
    notice = world.emails.sent[0]
    assert (notice.to, notice.subject) == (EMAIL, "Invoice M365-INV-0001 is due")
    assert "AUD 815.10" in notice.text
    assert "by 2026-11-15" in notice.text
    assert (await world.current()).suspended_at is None


async def test_the_msp_is_suspended_after_day_fourteen_and_payment_lifts_it_at_once() -> None:
    world = october()
    await days(world, 0, 14)
    assert (await world.current()).suspended_at is None
    await days(world, 15, 16)
    assert (await world.current()).suspended_at == sydney(2026, 11, 16, 12)
    assert world.emails.sent[-1].kind is NoticeKind.SUSPENDED
    assert world.actions().count("msp.suspended") == 1
    assert await pay(world)
    assert (await world.current()).suspended_at is None
    assert not await pay(world)
    assert world.actions().count("invoice.paid") == world.actions().count("msp.resumed") == 1
    await days(world, 17)
    assert (await world.current()).suspended_at is None


async def test_a_run_that_comes_late_asks_once() -> None:
    world = october()
    await days(world, 0, 8)
    assert world.actions().count("invoice.payment_retried") == len(world.emails.sent) == 1
    assert (await world.payment()).dunning_step == 7


async def test_a_paid_invoice_is_pursued_no_more() -> None:
    world = october()
    await days(world, 0)
    await pay(world)
    await days(world, 3, 7, 15, 30)
    assert world.emails.sent == []
    assert (await world.current()).suspended_at is None


async def test_a_suspension_lasts_until_the_last_overdue_invoice_is_paid() -> None:
    world = BillingWorld()
    await days(world, 0, 15)
    assert await pay(world, 1)
    assert (await world.current()).suspended_at
    assert await pay(world, 2)
    assert (await world.current()).suspended_at is None


async def test_a_suspension_counts_from_the_first_invoice_that_was_the_reason_for_it() -> None:
    world = BillingWorld(customers=1)
    await days(world, 0, 15)
    since = (await world.current()).suspended_at
    await days(world, 30, 46)  # November's invoice is also overdue
    assert world.actions().count("msp.suspended") == 3
    assert (await world.current()).suspended_at == since


async def test_of_two_payments_at_once_the_last_one_lifts_the_suspension() -> None:
    world = BillingWorld()
    await days(world, 0, 15)
    assert all(await asyncio.gather(pay(world, 1), pay(world, 2)))
    assert (await world.current()).suspended_at is None


async def test_a_payment_that_a_suspension_overtakes_still_lifts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second payment has done its read when the first invoice suspends the MSP and is paid."""
    world = BillingWorld()
    await days(world, 0)
    world.clock.moment = sydney(2026, 11, 16, 12)
    read = world.invoices.payments

    async def overtaken(*asked: Any, **which: Any) -> Sequence[Versioned[Payment]]:
        monkeypatch.undo()
        found = await read(*asked, **which)
        head = await world.msps.head(MSP.msp_id)
        assert head is not None
        first = await world.invoices.payment(MSP.msp_id, 1)
        await world.msps.commit(pursue(head.msp, first, world.cause).operations)
        assert await pay(world, 1)
        return found

    monkeypatch.setattr(world.invoices, "payments", overtaken)
    assert await pay(world, 2)
    assert world.actions().count("msp.suspended") == 1
    assert (await world.current()).suspended_at is None


async def test_eight_runs_at_once_take_each_step_once() -> None:
    world = october()
    await world.issue()
    world.clock.advance(days=1)
    await asyncio.gather(*(world.run() for _ in range(8)))
    assert world.actions().count("invoice.payment_retried") == 1
    assert len(world.emails.sent) == 1


async def test_a_notice_that_was_lost_is_sent_later_and_one_in_sending_is_not_sent_twice() -> None:
    world = october()
    await days(world, 0)
    world.emails.is_down = True
    with pytest.raises(BillingIncomplete):
        await days(world, 1)
    world.emails.is_down = False
    await world.run()
    assert world.emails.sent == []
    world.clock.advance(minutes=16)
    await world.run()
    await world.run()
    assert len({notice.key for notice in world.emails.sent}) == len(world.emails.sent) == 1
    assert world.actions().count("invoice.notice_sent") == 1


async def test_a_notice_that_is_not_taken_holds_up_no_other_invoice() -> None:
    world = BillingWorld()
    world.emails.refused = "M365-INV-0001"
    await days(world, 0)
    for day in (1, 3, 7, 15):
        with pytest.raises(BillingIncomplete):
            await days(world, day)
    for number in (1, 2):
        assert (await world.payment(number)).dunning_step == SUSPENSION
    assert (await world.payment(2)).notified_step == SUSPENSION
    assert len(world.emails.sent) == 4


async def test_an_invoice_that_is_not_there_cannot_be_paid() -> None:
    with pytest.raises(InvoiceNotFound):
        await pay(october())


@given(st.integers(0, 60), st.integers(0, 23))
def test_steps_follow_the_calendar_of_the_msp(day: int, hour: int) -> None:
    issued = sydney(2026, 11, 1, 0, 15)
    payment = Payment(MSP.msp_id, 1, None, None, issued, date(2026, 11, 15))  # type: ignore[arg-type]  # only dates
    now = sydney(2026, 11, 1, hour) + timedelta(days=day)
    expected = SUSPENSION if day > 14 else max((d for d in (1, 3, 7) if d <= day), default=0)
    assert due_step(payment, MSP, now) == expected
    assert is_overdue(payment, date(2026, 11, 1) + timedelta(days=day)) == (day > 14)
    assert due_step(replace(payment, paid_at=now), MSP, now) != SUSPENSION
