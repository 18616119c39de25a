from dataclasses import replace
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import pytest

from domain.errors import ConcurrentChange
from domain.identifiers import MspId, TenantRef, new_epoch
from domain.ports.user_index import BlockReplacement, Count
from domain.row_changes import Insert
from domain.sync_state import ReadState, RollUp, SyncPhase, SyncState, SyncSummary
from domain.tenant import ListedTenant, TenantStatus
from domain.user_block import Entry, UserBlock, blocks_of, covers_every_hash, entry_of
from tests.contract.conftest import Ports
from tests.samples import CUSTOMER, MSP, NOW, OTHER, tenant


@pytest.fixture
def ref() -> TenantRef:
    """A newly added tenant of a new MSP."""
    return TenantRef(MspId(str(uuid4())), CUSTOMER, new_epoch())


def entries(count: int) -> dict[str, Entry]:
    users: list[dict[str, Any]] = [
        {"id": str(n), "displayName": f"Ådele\n\u0000🦊\ud800 {n}", "accountEnabled": n % 2 == 0}
        for n in range(count)
    ]
    return {user["id"]: entry_of(user["id"], user) for user in users}


async def test_blocks_come_back_as_they_were_written(ports: Ports, ref: TenantRef) -> None:
    block = UserBlock.of("", entries(3).values())
    await ports.user_index.write(ref, [BlockReplacement("", [block])])
    assert await ports.user_index.counts(ref) == {"": Count(3, 2)}
    read = await ports.user_index.read([(ref, ""), (ref, "0")])
    assert {key: known.value for key, known in read.items()} == {(ref, ""): block}
    assert await ports.user_index.of_msp(ref.msp_id) == read
    assert await ports.user_index.versions(ref.msp_id) == {(ref, ""): read[ref, ""].version}
    await ports.user_index.write(ref, [BlockReplacement("", [UserBlock.of("", [])])])
    assert (await ports.user_index.versions(ref.msp_id))[ref, ""] != read[ref, ""].version


async def test_a_block_that_is_divided_leaves_nothing_of_itself(
    ports: Ports, ref: TenantRef
) -> None:
    await ports.user_index.write(
        ref, [BlockReplacement("", [UserBlock.of("", entries(10).values())])]
    )
    divided = blocks_of("", entries(4000))
    assert len(divided) > 3
    await ports.user_index.write(ref, [BlockReplacement("", divided)])
    with pytest.raises(ConcurrentChange):
        await ports.user_index.write(ref, [BlockReplacement("", divided[:1])])
    counts = await ports.user_index.counts(ref)
    assert covers_every_hash(counts)
    assert sum(count.users for count in counts.values()) == 4000
    read = await ports.user_index.of_msp(ref.msp_id)
    assert {known.value for known in read.values()} == set(divided)


async def test_a_block_of_many_properties_is_one_row(ports: Ports, ref: TenantRef) -> None:
    users = [
        {"id": str(n), "displayName": "".join(str(uuid4()) for _ in range(20))} for n in range(300)
    ]
    block = UserBlock.of("", [entry_of(str(user["id"]), user) for user in users])
    assert len(block.folded) > 200_000
    await ports.user_index.write(ref, [BlockReplacement("", [block])])
    assert (await ports.user_index.read([(ref, "")]))[ref, ""].value == block


@pytest.mark.parametrize(("bits", "size"), [(7, 10), (3, 400_000)], ids=["many", "large"])
async def test_a_block_that_outgrows_a_transaction_is_divided_all_the_same(
    ports: Ports, ref: TenantRef, bits: int, size: int
) -> None:
    await ports.user_index.write(ref, [BlockReplacement("", [UserBlock.of("", [])])])
    blocks = [
        UserBlock(format(number, f"0{bits}b"), 1, 1, token_bytes(size).hex(), "[]")
        for number in range(2**bits)
    ]
    await ports.user_index.write(ref, [BlockReplacement("", blocks)])
    counts = await ports.user_index.counts(ref)
    assert covers_every_hash(counts)
    assert set(counts) == {block.name for block in blocks}


async def test_a_purge_of_blocks_takes_one_life_and_no_other(ports: Ports, ref: TenantRef) -> None:
    others = [
        replace(ref, epoch=new_epoch()),
        replace(ref, tenant_id=OTHER),
        replace(ref, msp_id=MspId(str(uuid4()))),
    ]
    block = UserBlock.of("", entries(2).values())
    for each in (ref, *others):
        blocks = [replace(block, name=name) for name in ("0", "10", "11")]
        await ports.user_index.write(each, [BlockReplacement(b.name, [b]) for b in blocks])
    assert await ports.user_index.purge(ref) == 3
    assert await ports.user_index.purge(ref) == 0
    assert await ports.user_index.counts(ref) == {}
    for each in others:
        assert covers_every_hash(await ports.user_index.counts(each))


async def test_the_portfolio_reads_every_tenant_and_the_summary_of_its_sync(ports: Ports) -> None:
    msp = replace(MSP, msp_id=MspId(str(uuid4())))
    tenants = [
        tenant(CUSTOMER, msp_id=msp.msp_id, status=TenantStatus.OFFBOARDED),
        tenant(OTHER, msp_id=msp.msp_id, is_own_msp_tenant=True, display_name="Ågård"),
    ]
    await ports.msps.commit([Insert(msp), *(Insert(each) for each in tenants)])
    assert await ports.portfolio.tenants(msp.msp_id) == [ListedTenant.of(each) for each in tenants]
    assert await ports.portfolio.tenants(MspId(str(uuid4()))) == []
    roll_up = RollUp(users=3, secure_score=20.25, policies_enabled=0)
    state = SyncState(tenants[0].ref, SyncPhase.SUCCEEDED, NOW, first_synced_at=NOW)
    users = replace(state.data_set("users"), state=ReadState.SUCCEEDED, synced_at=NOW)
    state = replace(state.with_data_set(users), roll_up=roll_up)
    pending = SyncState(tenants[1].ref, SyncPhase.PENDING, NOW)
    await ports.sync_states.add(state)
    await ports.sync_states.add(pending)
    assert await ports.portfolio.summaries(msp.msp_id) == {
        state.ref: SyncSummary(roll_up, NOW, NOW, ReadState.SUCCEEDED),
        pending.ref: SyncSummary(RollUp(), None, None, ReadState.PENDING),
    }
    assert (await ports.sync_states.of_msp(msp.msp_id))[state.ref] == state
    assert await ports.portfolio.summaries(MspId("nobody")) == {}
