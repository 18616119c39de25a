"""The state of each tenant's sync: partition the MSP, row the tenant and its life."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from domain.changes import Versioned
from domain.identifiers import Epoch, MspId, TenantId, TenantRef
from domain.sync_state import (
    DataSet,
    DataSetState,
    ReadState,
    RollUp,
    SyncPhase,
    SyncState,
    SyncSummary,
)

_IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"


class TableSyncStates:
    """SyncStates over Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def find(self, ref: TenantRef) -> Versioned[SyncState] | None:
        """Return a tenant's sync state, or None."""
        entity = await access.find(self._table, ref.msp_id, _row(ref))
        return access.versioned(entity, _from_entity)

    async def of_msp(
        self, msp_id: MspId, first: TenantId | None = None, last: TenantId | None = None
    ) -> Mapping[TenantRef, SyncState]:
        """Return the states of tenants with IDs in [first, last]."""
        parameters = {
            "msp": msp_id,
            "first": f"{first}:" if first else "",
            "last": f"{last};" if last else "~",
        }
        states = [
            _from_entity(entity)
            async for entity in access.query(self._table, _IN_RANGE, parameters)
        ]
        return {state.ref: state for state in states}

    async def add(self, state: SyncState) -> str:
        """Store the first state of a tenant."""
        return await access.insert(self._table, _to_entity(state))

    async def replace(self, state: SyncState, version: str) -> str:
        """Write the state back, if it still is the version named."""
        return await access.replace(self._table, _to_entity(state), version)

    async def remove(self, ref: TenantRef) -> None:
        """Delete a tenant's state, if there is one."""
        await access.delete(self._table, ref.msp_id, _row(ref))


def _row(ref: TenantRef) -> str:
    return f"{ref.tenant_id}:{ref.epoch}"


def ref_of(entity: TableEntity) -> TenantRef:
    """Return the life of a tenant that a row's key names."""
    tenant_id, epoch = entity["RowKey"].split(":")
    return TenantRef(MspId(entity["PartitionKey"]), TenantId(tenant_id), Epoch(epoch))


def _to_entity(state: SyncState) -> dict[str, Any]:
    entity = {
        "PartitionKey": state.ref.msp_id,
        "RowKey": _row(state.ref),
        "phase": str(state.phase),
        "requested_at": state.requested_at,
        "lease_until": state.lease_until,
        "first_synced_at": state.first_synced_at,
        "last_synced_at": state.last_synced_at,
        "not_before": state.not_before,
        "due_at": state.due_at,
        "queued_until": state.queued_until,
        "data_sets": json.dumps([_data_set_text(entry) for entry in state.data_sets]),
        "summary": write_summary(SyncSummary.of(state)),
    }
    return {name: value for name, value in entity.items() if value is not None}


def _data_set_text(state: DataSetState) -> dict[str, Any]:
    synced_at = state.synced_at.isoformat() if state.synced_at else None
    return {**asdict(state), "synced_at": synced_at}


def _from_entity(entity: TableEntity) -> SyncState:
    return SyncState(
        ref=ref_of(entity),
        phase=SyncPhase(entity["phase"]),
        requested_at=access.moment(entity["requested_at"]) or entity["requested_at"],
        lease_until=access.moment(entity.get("lease_until")),
        first_synced_at=access.moment(entity.get("first_synced_at")),
        last_synced_at=access.moment(entity.get("last_synced_at")),
        not_before=access.moment(entity.get("not_before")),
        due_at=access.moment(entity.get("due_at")),
        queued_until=access.moment(entity.get("queued_until")),
        data_sets=tuple(_data_set(entry) for entry in json.loads(entity["data_sets"])),
        roll_up=read_summary(entity["summary"]).roll_up if "summary" in entity else RollUp(),
    )


def write_summary(summary: SyncSummary) -> str:
    """Return a sync's summary as one property: a thousand of them are read on a request."""
    moments = (summary.first_synced_at, summary.synced_at)
    first, last = (moment.isoformat() if moment else None for moment in moments)
    return json.dumps([asdict(summary.roll_up), first, last, summary.users])


def read_summary(text: str) -> SyncSummary:
    """Read a sync's summary."""
    roll_up, *moments, users = json.loads(text)
    first, last = (datetime.fromisoformat(text) if text else None for text in moments)
    return SyncSummary(RollUp(**roll_up), first, last, ReadState(users))


def _data_set(entry: dict[str, Any]) -> DataSetState:
    synced_at = entry["synced_at"]
    return DataSetState(
        **{
            **entry,
            "name": DataSet(entry["name"]),
            "state": ReadState(entry["state"]),
            "synced_at": datetime.fromisoformat(synced_at) if synced_at else None,
        }
    )
