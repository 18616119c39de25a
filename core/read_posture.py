"""Reading a tenant's posture: its sync's state, and one range of stored data sets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from core.data_sets.identity import USERS
from core.posture import Posture, view
from core.sweeps import all_pages
from domain.data_set import DataSet, Documents
from domain.identifiers import TenantRef
from domain.ports.sync_states import SyncStates
from domain.ports.synced_records import SyncedRecords
from domain.ports.tenant_data import TenantData

_USERS_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PosturePorts:
    """What a posture is read from."""

    sync_states: SyncStates
    tenant_data: TenantData
    records: SyncedRecords


async def read_posture(
    ports: PosturePorts, ref: TenantRef, now: datetime, data_sets: Collection[DataSet]
) -> Posture | None:
    """Return a tenant's posture, or None before its first sync.

    Args:
        data_sets: What is looked at. The users are read only if they are among them: a thousand in
            each operation.
    """
    known = await ports.sync_states.find(ref)
    if known is None:
        return None
    stored = dict(await ports.tenant_data.read_all(ref))
    if any(one.name == USERS.name for one in data_sets):
        stored[USERS.name] = await _users(ports.records, ref)
    return view(known.value, stored, now)


async def _users(records: SyncedRecords, ref: TenantRef) -> Documents:
    found = all_pages(lambda token: records.page(ref, _USERS_PAGE, token))
    return {user["id"]: user async for user in found}
