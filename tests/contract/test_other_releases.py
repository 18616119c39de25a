"""Rows that another release has written: the previous one, and a later one."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.tables.storage import Storage
from domain.identifiers import MspId, TenantRef, new_epoch
from domain.sync_state import (
    FIRST_SYNC,
    DataSetState,
    ReadState,
    RollUp,
    ScheduledSync,
    SyncPhase,
    SyncState,
)
from tests.samples import CUSTOMER, NOW

_BEFORE = {
    "name": "users",
    "state": "succeeded",
    "count": 7,
    "synced_at": NOW.isoformat(),
    "duration_ms": 12,
    "missing_permission": None,
    "error": None,
    "digest": None,
    "delta_link": "https://link",
    "next_link": None,
    "indexed": 1,
}


@pytest.fixture
def ref() -> TenantRef:
    return TenantRef(MspId(str(uuid4())), CUSTOMER, new_epoch())


async def put(storage: Storage, ref: TenantRef, **properties: Any) -> None:
    """Write a sync state directly, not as this release would write it."""
    row = {"PartitionKey": ref.msp_id, "RowKey": f"{ref.tenant_id}:{ref.epoch}", **properties}
    await storage.table("syncState").upsert_entity(row)


async def read(storage: Storage, ref: TenantRef) -> SyncState:
    known = await storage.sync_states.find(ref)
    assert known is not None
    listed = await storage.sync_states.of_msp(ref.msp_id)
    shown = {name: one for name, one in known.value.data_sets.items() if name in FIRST_SYNC}
    assert listed[ref] in (known.value, replace(known.value, data_sets=shown))
    return known.value


async def test_a_sync_state_of_the_release_before_is_read(storage: Storage, ref: TenantRef) -> None:
    roll_up = {"users": 7, "enabled_users": 6}
    await put(
        storage,
        ref,
        phase="succeeded",
        requested_at=NOW,
        data_sets=json.dumps([_BEFORE]),
        summary=json.dumps([roll_up, None, NOW.isoformat(), "succeeded"]),
    )
    state = await read(storage, ref)
    assert state.data_set("users") == DataSetState(
        *("users", ReadState.SUCCEEDED, 7, NOW, None, 12),
        delta_link="https://link",
        indexed=1,
    )
    # A data set that is missing in the row has not been read yet.
    assert [entry.name for entry in state.first_sets] == list(FIRST_SYNC)
    assert state.data_set("conditionalAccessPolicies") == DataSetState("conditionalAccessPolicies")
    assert state.roll_up == RollUp(users=7, enabled_users=6)


async def test_a_sync_state_without_a_summary_is_read(storage: Storage, ref: TenantRef) -> None:
    await put(storage, ref, phase="pending", requested_at=NOW, data_sets="[]")
    assert await read(storage, ref) == SyncState(ref, SyncPhase.PENDING, NOW)
    assert await storage.portfolio.summaries(ref.msp_id) == {}


async def test_a_sync_state_of_a_release_to_come_is_read_and_written(
    storage: Storage, ref: TenantRef
) -> None:
    users = {**_BEFORE, "state": "unheard of", "colour": "red", "whole_at": NOW.isoformat()}
    await put(
        storage,
        ref,
        phase="resting",
        requested_at=NOW,
        sleeps_until=NOW,
        data_sets=json.dumps([users, {"name": "devices", "state": "succeeded"}]),
        summary=json.dumps(
            [{"users": 7, "devices": 9}, NOW.isoformat(), None, "unheard of", {"more": 1}]
        ),
    )
    state = await read(storage, ref)
    assert state.phase is SyncPhase.FAILED
    read_before = state.data_set("users")
    assert (read_before.state, read_before.count) == (ReadState.PENDING, 7)
    assert (read_before.whole_at, state.roll_up) == (NOW, RollUp(users=7))
    summaries = await storage.portfolio.summaries(ref.msp_id)
    assert summaries[ref].users is ReadState.PENDING
    known = await storage.sync_states.find(ref)
    assert known is not None
    await storage.sync_states.replace(state, known.version)
    assert await read(storage, ref) == state


async def test_of_more_than_can_be_taken_none_waits_for_ever(storage: Storage) -> None:
    """Each partition of the schedule gets its share, however many entries another one has."""
    schedule, due_at = storage.sync_schedule, NOW - timedelta(days=3000)
    msp_id = MspId(str(uuid4()))
    refs = [TenantRef(msp_id, CUSTOMER, new_epoch()) for _ in range(40)]  # one partition
    others = [TenantRef(MspId(str(uuid4())), CUSTOMER, new_epoch()) for _ in range(40)]
    entries = [ScheduledSync(ref, due_at) for ref in (*refs, *others)]
    for entry in entries:
        await schedule.add(entry)
    found = [entry.ref async for entry in schedule.due(due_at)]
    for entry in entries:
        await schedule.remove(entry)
    assert set(found) >= {*refs, *others}
    first = [ref for ref in found if ref in refs or ref in others][:32]
    assert len([ref for ref in first if ref in others]) > 16
