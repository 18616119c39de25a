"""The purge: deletes what a removed tenant owned, in steps that can be repeated."""

import logging
from datetime import datetime

from domain.audit import SYSTEM, Cause
from domain.changes import Insert
from domain.identifiers import TenantRef
from domain.ports import (
    Clock,
    Intent,
    IntentKind,
    Intents,
    MspStore,
    Queues,
    SyncedRecords,
    SyncStates,
)
from domain.sync_state import DataSet

_log = logging.getLogger(__name__)


async def purge_tenant(  # noqa: PLR0913  the ports that a purge needs
    msps: MspStore,
    sync_states: SyncStates,
    records: SyncedRecords,
    intents: Intents,
    queues: Queues,
    clock: Clock,
    ref: TenantRef,
    request_id: str,
) -> None:
    """Delete every record of one life of a tenant.

    A life that still has its row is left alone: its removal was decided and not committed. A
    later life has another epoch, so none of its records is in reach.
    """
    if await _still_there(msps, ref):
        return
    now = clock.now()
    # Without its state row the worker that may hold the lease can renew it no more.
    lease_until = await _take_state_away(sync_states, ref)
    deleted = {str(name): await records.purge(name, ref) for name in DataSet}
    if lease_until and lease_until > now:
        await _purge_again(intents, queues, ref, lease_until, now)
        return
    cause = Cause(SYSTEM, now, request_id)
    event = cause.event(ref.msp_id, "tenant.purged", tenant_id=ref.tenant_id, before=deleted)
    await msps.commit((Insert(event),))
    await intents.drop(IntentKind.PURGE_TENANT, ref)


async def _still_there(msps: MspStore, ref: TenantRef) -> bool:
    known = await msps.tenant(ref.msp_id, ref.tenant_id)
    return known is not None and known.value.epoch == ref.epoch


async def _take_state_away(sync_states: SyncStates, ref: TenantRef) -> datetime | None:
    state = await sync_states.find(ref)
    if state is None:
        return None
    await sync_states.remove(ref)
    return state.value.lease_until


async def _purge_again(
    intents: Intents, queues: Queues, ref: TenantRef, lease_until: datetime, now: datetime
) -> None:
    """Come back once the last write of the worker that held the lease has ended."""
    _log.info("a sync was under way; the purge is repeated after its lease")
    await intents.record(Intent(IntentKind.PURGE_TENANT, ref, lease_until))
    await queues.purge_tenant(ref, delay_seconds=int((lease_until - now).total_seconds()) + 1)
