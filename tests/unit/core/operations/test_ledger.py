"""The ledger: found by ID, listed newest first, never another MSP's, and purged with its tenant."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.operations.ledger import OperationFilter, find_operation, list_operations
from core.operations.purge import OPERATIONS_AT_ONCE, remove_operations
from core.operations.request import request_operation
from core.operations.run import run_operation
from domain.audit import AuditEvent
from domain.errors import OperationNotFound
from domain.operation import (
    BreakGlassAccounts,
    IdempotencyKey,
    Operation,
    OperationEntry,
    OperationQueue,
    OperationState,
    new_operation_id,
    requested_at,
)
from domain.ports.pending_work import PendingWork
from domain.row_changes import Remove
from domain.tenant import Tenant
from domain.work_queues import RUN_OPERATION
from tests.fakes.fuse import Died, Fuse
from tests.samples import CONTOSO, FABRIKAM, NOW, version
from tests.unit.core.operations.world import (
    DISABLE,
    ENABLE,
    OTHER_USER,
    OURS,
    THEIRS,
    USER,
    World,
)

OWNED = (Operation, OperationEntry, OperationQueue, IdempotencyKey, BreakGlassAccounts)


async def filled() -> tuple[World, list[Operation]]:
    world, made = World(), list[Operation]()
    for kind, where, target in (
        (DISABLE, THEIRS, USER),
        (ENABLE, OURS, USER),
        (ENABLE, THEIRS, USER),
        (DISABLE, THEIRS, OTHER_USER),
    ):
        made.insert(0, await world.request(kind, where, target=target))
        world.clock.advance(seconds=1)
    return world, made


def test_the_id_of_an_operation_has_its_time() -> None:
    assert requested_at(new_operation_id(NOW)) == NOW
    later = NOW.replace(microsecond=1)
    assert new_operation_id(later) < new_operation_id(NOW)
    for nonsense in ("x", "9" * 30):
        with pytest.raises(ValueError, match=nonsense):
            requested_at(nonsense)  # type: ignore[arg-type]  # what a message may have


async def test_lists_are_newest_first_and_filtered() -> None:
    world, made = await filled()

    async def shown(shown: OperationFilter) -> list[Operation]:
        page = await list_operations(world.store, CONTOSO, shown, 100, None)
        return list(page.items)

    assert await shown(OperationFilter()) == made
    at_theirs = [each for each in made if each.tenant_id == THEIRS.tenant_id]
    assert await shown(OperationFilter(tenant_id=THEIRS.tenant_id)) == at_theirs
    assert len(await shown(OperationFilter(user=USER))) == 3
    assert len(await shown(OperationFilter(user="BBBB@contoso.com"))) == 1
    assert len(await shown(OperationFilter(kind="enable-user"))) == 2
    assert len(await shown(OperationFilter(THEIRS.tenant_id, USER, kind="enable-user"))) == 1
    assert await shown(OperationFilter(state=OperationState.FAILED)) == []
    assert len(await shown(OperationFilter(state=OperationState.SUCCEEDED))) == 4


@pytest.mark.parametrize("where", [None, THEIRS.tenant_id])
async def test_pages_join_to_the_whole_list(where: str | None) -> None:
    world, made = await filled()
    found, token = list[Operation](), None
    while True:
        shown = OperationFilter(tenant_id=where)  # type: ignore[arg-type]  # an ID or none
        page = await list_operations(world.store, CONTOSO, shown, 1, token)
        found += page.items
        token = page.next_token
        if token is None:
            break
    assert found == [each for each in made if where in {None, each.tenant_id}]


async def test_another_msps_operation_is_the_same_as_none() -> None:
    world, made = await filled()
    assert await find_operation(world.store, CONTOSO, made[0].operation_id) == made[0]
    for msp_id, operation_id in (
        (FABRIKAM, made[0].operation_id),
        (CONTOSO, "nonsense"),
        (CONTOSO, "a/b#c?"),
    ):
        with pytest.raises(OperationNotFound, match=r"No such operation\."):
            await find_operation(world.store, msp_id, operation_id)
    assert (await list_operations(world.store, FABRIKAM, OperationFilter(), 9, None)).items == ()


def owned(world: World) -> dict[str, int]:
    found = {kind.__name__: len(world.store.of_kind(kind, CONTOSO)) for kind in OWNED}
    return {name: count for name, count in found.items() if count}


async def remove_tenant(world: World) -> None:
    known = version(await world.store.find(Tenant, CONTOSO, THEIRS.tenant_id))
    await world.store.commit([Remove(known.value, known.version)])


async def test_a_purge_removes_a_tenants_rows_and_keeps_the_events() -> None:
    world = World(BreakGlassAccounts(CONTOSO, THEIRS.tenant_id, THEIRS.epoch, (OTHER_USER,)))
    for number in range(OPERATIONS_AT_ONCE + 5):
        await world.request(key=f"k-{number}")
        world.clock.advance(seconds=1)
    kept = await world.request(where=OURS, key="k-1x")
    events = len(world.store.of_kind(AuditEvent, CONTOSO))
    assert await remove_operations(world.store, THEIRS.ref) == OPERATIONS_AT_ONCE
    assert await remove_operations(world.store, THEIRS.ref) == 5
    assert await remove_operations(world.store, THEIRS.ref) == 0
    assert world.operations == [kept]
    assert owned(world) == {
        "Operation": 1,
        "OperationEntry": 1,
        "OperationQueue": 1,
        "IdempotencyKey": 1,
    }
    assert len(world.store.of_kind(AuditEvent, CONTOSO)) == events


async def test_a_purge_keeps_a_key_that_serves_another_tenant_now() -> None:
    world = World()
    await world.request(key="k-1")
    world.clock.advance(hours=25)
    kept = await world.request(where=OURS, key="k-1")
    await remove_operations(world.store, THEIRS.ref)
    assert await world.request(where=OURS, key="k-1") == kept


@pytest.mark.parametrize("after", [False, True])
async def test_an_operation_that_is_recorded_beside_a_removal_leaves_nothing(
    *, after: bool
) -> None:
    """The tenant is removed and purged while a request is at any of its calls."""
    at = 0
    while True:
        at += 1
        world, stopped = World(), asyncio.Event()
        fuse = Fuse(at, after=after)
        original = fuse.call

        async def call(method: Any, args: Any, kwargs: Any) -> Any:
            try:
                return await original(method, args, kwargs)  # noqa: B023  of this round
            except Died:
                stopped.set()  # noqa: B023  of this round
                await remove_tenant(world)  # noqa: B023  of this round
                while await remove_operations(world.store, THEIRS.ref):  # noqa: B023  of this round
                    pass
                if after:
                    raise
                return await method(*args, **kwargs)

        fuse.call = call  # type: ignore[method-assign]  # removes instead of dying
        try:
            await request_operation(world.guarded(fuse), world.wanted(key="k"), world.cause())
        except (Died, Exception):  # noqa: BLE001  any end will do
            world.ports = world.guarded(Fuse())
        if not stopped.is_set():
            break
        await world.recover()
        world.clock.advance(hours=1)
        await world.recover()
        assert owned(world) == {}
        assert world.pending_work.rows == {}
    assert at > 30


async def test_the_work_of_an_operation_that_was_never_recorded_is_dropped_in_time() -> None:
    world = World()
    ref = replace((await world.request()).ref, operation_id=new_operation_id(world.clock.now()))
    await world.pending_work.record(PendingWork(RUN_OPERATION, ref, world.clock.now()))
    await run_operation(world.ports, ref)
    assert world.pending_work.rows  # Its transaction may be under way.
    world.clock.advance(minutes=31)
    await run_operation(world.ports, ref)
    assert world.pending_work.rows == {}
