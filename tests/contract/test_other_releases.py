"""Rows that another release has written: the previous one, and a later one."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from adapters.tables.storage import Storage
from domain.identifiers import Epoch, MspId, TenantRef, new_epoch
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


@pytest.mark.parametrize("partition", range(16))
async def test_the_entries_of_earlier_releases_are_found_in_every_partition(
    storage: Storage, partition: int
) -> None:
    msp_id, key = MspId(str(uuid4())), f"{partition:02d}"
    row = f"2018-08-24T03:00:00Z:{msp_id}:{CUSTOMER}:e1"
    await storage.table("syncSchedule").create_entity({"PartitionKey": key, "RowKey": row})
    found = [
        (within.partition, entry)
        for within in storage.sync_schedule.partitions()
        async for entry in storage.sync_schedule.due(within, NOW)
        if entry.ref.msp_id == msp_id
    ]
    due_at = datetime(2018, 8, 24, 3, tzinfo=UTC)
    ref = TenantRef(msp_id, CUSTOMER, Epoch("e1"))
    assert found == [(key, ScheduledSync(ref, due_at))]
    await storage.table("syncSchedule").delete_entity(key, row)
