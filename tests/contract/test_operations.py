"""Operations over real tables: how their rows are stored, listed, found at once and removed."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from adapters.tables.storage import Storage
from core.operations.ledger import OperationFilter, find_operation, list_operations
from core.operations.ports import OperationPorts
from core.operations.purge import remove_operations
from core.operations.request import Wanted, request_operation
from core.operations.rollback import rollback_of
from core.operations.run import run_operation
from domain.audit import Actor, Cause
from domain.digest import to_stored
from domain.errors import ConcurrentChange, OperationNotFound
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
from domain.ports.synced_records import SyncedRecord
from domain.ports.user_index import BlockReplacement
from domain.row_changes import Insert, Row
from domain.tenant import Tenant
from domain.user_block import UserBlock, entry_of
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


async def test_a_stored_user_is_replaced_only_in_the_version_that_was_read(
    storage: Storage,
) -> None:
    ref = replace(THEIRS.ref, msp_id=MspId(str(uuid4())))
    user = {"id": USER, "displayName": "Đorđe \ud800", "accountEnabled": True}
    stored = storage.stored_users
    assert await stored.find(ref, USER) is None
    with pytest.raises(ConcurrentChange):
        await stored.replace(ref, USER, user, 'W/"x"')
    await storage.records.write(ref, [to_stored(SyncedRecord(USER, user))])
    known = version(await stored.find(ref, USER))
    assert known.value == user
    disabled = {**user, "accountEnabled": False}
    await stored.replace(ref, USER, disabled, known.version)
    with pytest.raises(ConcurrentChange):
        await stored.replace(ref, USER, user, known.version)
    assert version(await stored.find(ref, USER)).value == disabled
    digests = await storage.records.digests(ref)
    assert digests == {USER: to_stored(SyncedRecord(USER, disabled)).digest}


async def test_a_block_is_replaced_only_in_the_version_that_was_read(ports: Ports) -> None:
    ref = replace(THEIRS.ref, msp_id=MspId(str(uuid4())))
    user = {"id": USER, "displayName": "Adele", "accountEnabled": True}
    block = UserBlock.of("", [entry_of(USER, user)])
    with pytest.raises(ConcurrentChange):
        await ports.user_index.replace(ref, block, 'W/"x"')
    await ports.user_index.write(ref, [BlockReplacement("", [block])])
    known = (await ports.user_index.read([(ref, "")]))[ref, ""]
    disabled = UserBlock.of("", [entry_of(USER, {**user, "accountEnabled": False})])
    await ports.user_index.replace(ref, disabled, known.version)
    with pytest.raises(ConcurrentChange):
        await ports.user_index.replace(ref, block, known.version)
    assert (await ports.user_index.read([(ref, "")]))[ref, ""].value == disabled
    assert (await ports.user_index.counts(ref))[""].enabled == 0
