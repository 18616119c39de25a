"""The sync state of each tenant: the partition is the MSP, the row the tenant and epoch."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, override

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from adapters.tables import access
from domain.identifiers import Epoch, MspId, TenantId, TenantRef
from domain.ports.sync_states import SyncStates
from domain.row_changes import Versioned
from domain.sync_state import (
    FIRST_SYNC,
    Access,
    DataSetState,
    ReadState,
    RollUp,
    SyncPhase,
    SyncState,
    SyncSummary,
)

_MOMENTS = ("synced_at", "tried_at", "whole_at", "suspected_at", "watermark")
_LISTS = ("missing_roles", "missing_plans")
_DEFAULTS = {field.name: field.default for field in fields(DataSetState)}
# A list of tenants reads all properties but the states of data sets that it does not show.
_LISTED = [
    *("PartitionKey", "RowKey", "phase", "requested_at", "lease_until", "first_synced_at"),
    *("last_synced_at", "not_before", "due_at", "queued_until", "asked_again_at", "wanted_at"),
    *("data_sets", "summary", "access"),
]
_IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"


class TableSyncStates(SyncStates):
    """SyncStates in Azure Tables."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @override
    async def find(self, ref: TenantRef) -> Versioned[SyncState] | None:
        entity = await access.find(self._table, ref.msp_id, _row(ref))
        return access.versioned(entity, _from_entity)

    @override
    async def of_msp(
        self, msp_id: MspId, first: TenantId | None = None, last: TenantId | None = None
    ) -> Mapping[TenantRef, SyncState]:
        parameters = {
            "msp": msp_id,
            "first": f"{first}:" if first else "",
            "last": f"{last};" if last else "~",
        }
        states = [
            _from_entity(entity)
            async for entity in access.query(self._table, _IN_RANGE, parameters, _LISTED)
        ]
        return {state.ref: state for state in states}

    @override
    async def add(self, state: SyncState) -> str:
        return await access.insert(self._table, _to_entity(state))

    @override
    async def replace(self, state: SyncState, version: str) -> str:
        return await access.replace(self._table, _to_entity(state), version)

    @override
    async def remove(self, ref: TenantRef, version: str | None = None) -> None:
        await access.delete(self._table, ref.msp_id, _row(ref), version)


def _row(ref: TenantRef) -> str:
    return f"{ref.tenant_id}:{ref.epoch}"


def ref_of(entity: TableEntity) -> TenantRef:
    """Return the tenant and epoch that a row's key identifies."""
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
        "asked_again_at": state.asked_again_at,
        "wanted_at": state.wanted_at,
        "data_sets": _data_sets_text(_first(state)),
        "more_data_sets": zlib.compress(_data_sets_text(_others(state)).encode()),
        "summary": write_summary(SyncSummary.of(state)),
        "access": _access_text(state.access),
    }
    return {name: value for name, value in entity.items() if value is not None}


def _first(state: SyncState) -> list[DataSetState]:
    return [state.data_sets[name] for name in FIRST_SYNC if name in state.data_sets]


def _others(state: SyncState) -> list[DataSetState]:
    return [entry for name, entry in state.data_sets.items() if name not in FIRST_SYNC]


def _data_sets_text(entries: Iterable[DataSetState]) -> str:
    return json.dumps([_data_set_values(entry) for entry in entries])


def _data_set_values(state: DataSetState) -> dict[str, Any]:
    """Return the properties of a data set's state that do not have their default."""
    values = {name: getattr(state, name) for name in _DEFAULTS}
    changed = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    moments = {name: _moment_text(changed[name]) for name in _MOMENTS if name in changed}
    return {**changed, **moments}


def _access_text(known: Access) -> str:
    values = {field.name: getattr(known, field.name) for field in fields(Access)}
    return json.dumps(
        {name: value if value is None else sorted(value) for name, value in values.items()}
    )


def _access(text: str) -> Access:
    values = _known(Access, json.loads(text))
    sets = {name: values.get(name) for name in ("permissions", "plans")}
    return Access(
        **{name: None if names is None else frozenset(names) for name, names in sets.items()},
        watched=tuple(values.get("watched") or ()),
    )


def _moment_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _from_entity(entity: TableEntity) -> SyncState:
    return SyncState(
        ref=ref_of(entity),
        phase=_member(SyncPhase, entity["phase"], SyncPhase.FAILED),
        requested_at=access.as_utc(entity["requested_at"]) or entity["requested_at"],
        lease_until=access.as_utc(entity.get("lease_until")),
        first_synced_at=access.as_utc(entity.get("first_synced_at")),
        last_synced_at=access.as_utc(entity.get("last_synced_at")),
        not_before=access.as_utc(entity.get("not_before")),
        due_at=access.as_utc(entity.get("due_at")),
        queued_until=access.as_utc(entity.get("queued_until")),
        asked_again_at=access.as_utc(entity.get("asked_again_at")),
        wanted_at=access.as_utc(entity.get("wanted_at")),
        data_sets=_data_sets(entity),
        access=_access(entity.get("access", "{}")),
        roll_up=read_summary(entity["summary"]).roll_up if "summary" in entity else RollUp(),
    )


def write_summary(summary: SyncSummary) -> str:
    """Return a sync's summary as one property: a request reads a thousand of them."""
    moments = (summary.first_synced_at, summary.synced_at)
    first, last = (_moment_text(moment) for moment in moments)
    return json.dumps([asdict(summary.roll_up), first, last, summary.users])


def read_summary(text: str) -> SyncSummary:
    """Read a sync's summary."""
    roll_up, first, last, users, *_ = json.loads(text)
    return SyncSummary(
        RollUp(**_known(RollUp, roll_up)),
        _read_moment(first),
        _read_moment(last),
        _member(ReadState, users, ReadState.PENDING),
    )


def _data_sets(entity: TableEntity) -> dict[str, DataSetState]:
    """Read the states of the data sets; one that the row lacks counts as not read yet."""
    entries = json.loads(entity["data_sets"])
    if more := entity.get("more_data_sets"):
        entries += json.loads(zlib.decompress(more))
    return {entry["name"]: _data_set(entry) for entry in entries}


def _data_set(entry: dict[str, Any]) -> DataSetState:
    values = _known(DataSetState, entry)
    values |= {name: _read_moment(values[name]) for name in _MOMENTS if name in values}
    values |= {name: tuple(values[name]) for name in _LISTS if name in values}
    state = _member(ReadState, entry.get("state", ReadState.PENDING), ReadState.PENDING)
    return DataSetState(**{**values, "state": state})


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _known(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the fields that this release knows; another release wrote the rest."""
    return {field.name: values[field.name] for field in fields(cls) if field.name in values}


def _member[E: StrEnum](kind: type[E], value: Any, otherwise: E) -> E:
    """Return the member for a value, or `otherwise` for a value unknown to this release."""
    return kind(value) if value in set(kind) else otherwise
