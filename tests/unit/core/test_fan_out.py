from dataclasses import replace
from typing import Any, override

import pytest

from core.fan_out import MessagesNotSent, send_to_each_msp
from domain.errors import StorageUnavailable
from domain.identifiers import MspId, MspRef
from domain.row_changes import Insert
from domain.work_queues import BILL_MSP
from tests.fakes.outside import FakeQueues
from tests.fakes.storage import FakeMspStore
from tests.samples import MSP

MSPS = [MspRef(MspId(f"msp-{number}")) for number in range(100)]


async def stored() -> FakeMspStore:
    store = FakeMspStore()
    for ref in MSPS:
        await store.commit([Insert(replace(MSP, msp_id=ref.msp_id))])
    return store


async def test_each_msp_has_one_message_in_an_order_that_differs() -> None:
    store = await stored()
    orders = []
    for _ in range(2):
        queues = FakeQueues()
        await send_to_each_msp(store, queues, BILL_MSP)
        orders.append(queues.others)
    assert set(orders[0]) == set(orders[1]) == {("bill-msp", ref) for ref in MSPS}
    assert len(orders[0]) == len(MSPS)
    assert orders[0] != orders[1]


async def test_a_message_that_is_refused_holds_up_no_other_and_fails_the_run() -> None:
    class Refusing(FakeQueues):
        @override
        async def send(self, queue: Any, subject: Any, delay_seconds: int = 0) -> None:
            if subject in MSPS[:3]:
                raise StorageUnavailable
            await super().send(queue, subject, delay_seconds)

    queues = Refusing()
    with pytest.raises(MessagesNotSent, match="3 messages in bill-msp"):
        await send_to_each_msp(await stored(), queues, BILL_MSP)
    assert len(queues.others) == 97
