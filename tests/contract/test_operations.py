"""Operations over real tables: how their rows are stored, listed, found at once and removed."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from core.operations.ledger import OperationFilter, find_operation, list_operations
from core.operations.ports import OperationPorts
from core.operations.purge import remove_operations
from core.operations.request import Wanted, request_operation
from core.operations.rollback import rollback_of
from core.operations.run import run_operation
from domain.audit import Actor, Cause
from domain.errors import OperationNotFound
from domain.identifiers import MspId, OperationRef, TenantId
from domain.operation import (
    BreakGlassAccounts,
    Failure,
    IdempotencyKey,
    Operation,
    OperationEntry,
    OperationQueue,
    OperationState,
    StepRecord,
    StepState,
    new_operation_id,
)
from domain.ports.pending_work import PendingWork
from domain.row_changes import Insert, Row
from domain.tenant import Tenant
from domain.work_queues import RUN_OPERATION
from tests.contract.conftest import Ports
from tests.samples import MSP, NOW, OWNER, version
from tests.unit.core.operations.world import DISABLE, ENABLE, OURS, THEIRS, USER, World


@dataclass
class Stored:
    """A new MSP in the tables, with a process that serves it."""

    world: World
    ports: OperationPorts
    tenant: Tenant
    own: Tenant

    async def request(self, where: Tenant | None = None, **changes: Any) -> Operation:
        wanted = replace(Wanted(kind=DISABLE, tenant=where or self.tenant, target=USER), **changes)
        cause = Cause(Actor.staff(OWNER), self.world.clock.now(), "request-1")
        return await request_operation(self.ports, wanted, cause)


@pytest.fixture
async def stored(ports: Ports) -> Stored:
    msp_id, world = MspId(str(uuid4())), World()
    tenant, own = (replace(each, msp_id=msp_id) for each in (THEIRS, OURS))
    await ports.msps.commit(
        [
            Insert(replace(MSP, msp_id=msp_id)),
            Insert(tenant),
            Insert(own),
            Insert(replace(OWNER, msp_id=msp_id)),
        ]
    )
    used = replace(world.ports, msps=ports.msps, pending_work=ports.pending_work)
    return Stored(world, used, tenant, own)


def full(msp_id: MspId) -> tuple[Row, ...]:
    """Return a row of each kind with every property set."""
    operation = Operation(
        msp_id=msp_id,
        tenant_id=THEIRS.tenant_id,
        epoch=THEIRS.epoch,
        operation_id=new_operation_id(NOW),
        kind="disable-user",
        state=OperationState.FAILED,
        requested_by=Actor.staff(OWNER),
        requested_at=NOW,
        request_id="r",
        target_id=USER,
        target_name="adele#EXT#@contoso.com",
        parameters={"restores": {"accountEnabled": None}},
        reason="Ünïcode ✓",
        overridden=("break_glass",),
        steps=(StepRecord("x"), StepRecord("y", StepState.SENT, NOW)),
        before={"a": [1, None]},
        after={},
        failure=Failure("protected", "text", ("self",)),
        rolls_back=new_operation_id(NOW),
        decided_by=Actor("system"),
        decided_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        runner="m",
        idempotency="d",
    )
    ref = (msp_id, THEIRS.tenant_id, THEIRS.epoch)
    return (
        operation,
        OperationEntry.of(operation),
        OperationQueue(*ref, (operation.operation_id,), NOW),
        IdempotencyKey(msp_id, "k", "r", *ref[1:], operation.operation_id, NOW),
        BreakGlassAccounts(*ref, (USER,)),
    )


async def test_every_row_comes_back_as_it_went(ports: Ports) -> None:
    msp_id = MspId(str(uuid4()))
    rows = full(msp_id)
    await ports.msps.commit([Insert(row) for row in rows])
    for row in rows:
        assert list(await ports.msps.all(type(row), msp_id)) == [row]
    ref = OperationRef(msp_id, THEIRS.tenant_id, THEIRS.epoch, new_operation_id(NOW))
    work = PendingWork(RUN_OPERATION, ref, NOW)
    await ports.pending_work.record(work)
    assert await ports.pending_work.find(RUN_OPERATION, ref) == work
    found = [each async for each in ports.pending_work.queued_before(NOW.replace(year=2100))]
    assert work in found
    await ports.pending_work.drop(RUN_OPERATION, ref)


async def test_the_same_key_many_times_at_once_is_one_operation(stored: Stored) -> None:
    made = await asyncio.gather(*(stored.request(key="k") for _ in range(6)))
    assert len({operation.operation_id for operation in made}) == 1
    assert len(stored.world.microsoft.writes) == 1
    rows = await stored.ports.msps.all(Operation, stored.tenant.msp_id)
    assert [row.state for row in rows] == [OperationState.SUCCEEDED]


async def test_many_workers_carry_out_a_tenants_operations_in_order(stored: Stored) -> None:
    kinds = {kind.name: replace(kind, is_short=False) for kind in (DISABLE, ENABLE)}
    stored.world.kinds.update(kinds)
    refs: list[OperationRef] = []
    for number in range(6):
        kind = kinds["disable-user" if number % 2 else "enable-user"]
        refs.append((await stored.request(kind=kind)).ref)
        stored.world.clock.advance(seconds=1)
    await asyncio.gather(*(run_operation(stored.ports, ref) for ref in refs for _ in range(2)))
    for ref in refs:
        await run_operation(stored.ports, ref)
    bodies = [write.body for write in stored.world.microsoft.writes]
    assert bodies == [{"accountEnabled": on} for on in (False, True, False, True, False)]
    rows = await stored.ports.msps.all(Operation, stored.tenant.msp_id)
    assert {row.state for row in rows} == {OperationState.SUCCEEDED}


async def test_lists_are_newest_first_and_a_purge_takes_one_tenants(stored: Stored) -> None:
    msps, msp_id, made = stored.ports.msps, stored.tenant.msp_id, list[Operation]()
    for number in range(7):
        where = stored.own if number == 3 else stored.tenant
        made.insert(0, await stored.request(where, key=f"k-{number}"))
        stored.world.clock.advance(seconds=1)
    found, token = list[Operation](), None
    while True:
        page = await list_operations(msps, msp_id, OperationFilter(), 3, token)
        found, token = [*found, *page.items], page.next_token
        if token is None:
            break
    assert found == made
    of_one = OperationFilter(tenant_id=TenantId(stored.tenant.tenant_id))
    page = await list_operations(msps, msp_id, of_one, 4, None)
    assert list(page.items) == [each for each in made if each.tenant_id == of_one.tenant_id][:4]
    assert await find_operation(msps, msp_id, made[0].operation_id) == made[0]
    assert await remove_operations(msps, stored.tenant.ref) == 6
    with pytest.raises(OperationNotFound):
        await find_operation(msps, msp_id, made[0].operation_id)
    page = await list_operations(msps, msp_id, OperationFilter(), 9, None)
    assert list(page.items) == [made[3]]
    assert [row.operation_id for row in await msps.all(IdempotencyKey, msp_id)] == [
        made[3].operation_id
    ]


async def test_a_rollback_reads_the_images_as_they_were_stored(stored: Stored) -> None:
    done = await stored.request()
    stored.world.clock.advance(seconds=1)
    cause = Cause(Actor.staff(OWNER), stored.world.clock.now(), "request-2")
    wanted = await rollback_of(stored.ports, done)
    back = await request_operation(stored.ports, wanted, cause)
    assert back.state is OperationState.SUCCEEDED
    assert stored.world.microsoft.enabled(THEIRS, USER)
    known = await stored.ports.msps.find(
        Operation, back.msp_id, back.tenant_id, back.epoch, back.operation_id
    )
    assert version(known).value == back
