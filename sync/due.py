"""What is due: every active tenant whose last sync is older than the interval."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zlib import crc32

from domain.identifiers import MspId
from domain.ports import MspStore
from domain.sync_request import is_under_way, request_sync
from domain.sync_state import SyncPhase, SyncState
from domain.tenant import Tenant, TenantStatus
from sync.sync_tenant import SyncPorts

_log = logging.getLogger(__name__)
_PAGE = 500


async def sync_due_tenants(ports: SyncPorts, interval: timedelta) -> int:
    """Queue a sync of every tenant that is due; return how many.

    One MSP's or tenant's trouble never holds up another.
    """
    count = 0
    async for msp_id in ports.msps.msp_ids():
        try:
            count += await _of_msp(ports, msp_id, interval)
        except Exception:  # noqa: BLE001  the next MSP's tenants are due all the same
            _log.exception("the due tenants of an MSP could not be queued")
    return count


async def _of_msp(ports: SyncPorts, msp_id: MspId, interval: timedelta) -> int:
    now, count = ports.clock.now(), 0
    states = await ports.states.of_msp(msp_id)
    async for tenant in _active_tenants(ports.msps, msp_id):
        if is_due(tenant, states.get(tenant.ref), now, interval):
            count += await _request(ports, tenant, now)
    return count


async def _request(ports: SyncPorts, tenant: Tenant, now: datetime) -> bool:
    try:
        await request_sync(ports.states, ports.queues, tenant.ref, now)
    except Exception:  # noqa: BLE001  the next tenant is due all the same
        _log.exception("a due tenant could not be queued")
        return False
    return True


async def _active_tenants(msps: MspStore, msp_id: MspId) -> AsyncIterator[Tenant]:
    token: str | None = None
    while True:
        page = await msps.tenants(msp_id, _PAGE, token)
        for known in page.items:
            if known.value.status is TenantStatus.ACTIVE:
                yield known.value
        token = page.next_token
        if token is None:
            return


def is_due(tenant: Tenant, state: SyncState | None, now: datetime, interval: timedelta) -> bool:
    """Tell whether a tenant should be synced.

    A request that was lost and a worker that died are due too. Tenants that were synced
    together drift apart by up to a tenth of the interval.
    """
    if state is None:
        return True
    if is_under_way(state, now):
        return False
    if state.phase in (SyncPhase.PENDING, SyncPhase.RUNNING) or state.last_synced_at is None:
        return True
    return now - state.last_synced_at >= interval + _stagger(tenant, interval)


def _stagger(tenant: Tenant, interval: timedelta) -> timedelta:
    return interval / 10 * (crc32(tenant.tenant_id.encode()) % 1000) / 1000
