"""Foreign messages in a queue, processed by the running worker and app."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, override

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.remove_tenant import RemovalPorts
from core.sync_requests import SyncRequests
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, TenantId
from domain.sync_request import QUEUED_FOR
from domain.tenant import Tenant
from domain.work_queues import Subject, WorkQueue
from local.stack import Stack
from mytenant.disable import disable_partner_tenant
from tests.e2e.portal import CONTOSO, Portal, owner
from tests.e2e.test_worker import QUEUES

ODD = (
    *("not JSON", "7", "[]", "[" * 20_000),
    '{"mspId": "nobody", "tenantId": "t", "epoch": "e"}',
)
# A failed message would be retried ten seconds later.
PATIENCE_SECONDS = 8


def client(stack: Stack, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        stack.storage, name, message_encode_policy=TextBase64EncodePolicy()
    )


async def waiting(stack: Stack, name: str) -> int:
    """Return how many messages wait in a queue; a missing queue has none."""
    async with client(stack, name) as queue:
        try:
            return (await queue.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0


async def test_an_odd_message_ends_in_the_poison_handler_whatever_it_holds(
    stack: Stack, portal: Portal
) -> None:
    for name in QUEUES:
        async with client(stack, f"{name}-poison") as opened:
            for text in ODD:
                await opened.send_message(text)
    await until_empty(stack, "-poison", "-poison-poison")


async def until_empty(stack: Stack, *suffixes: str) -> None:
    queues = {name + suffix for name in QUEUES for suffix in suffixes}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := {name for name in queues if await waiting(stack, name)}:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


class GarblingQueues(StorageQueues):
    """No message is base64, so the Functions host drops each before a function sees it."""

    def __init__(self, stack: Stack) -> None:
        self._connection = stack.storage

    @override
    async def send[R: Subject](
        self, queue: WorkQueue[R], subject: R, delay_seconds: int = 0
    ) -> None:
        async with QueueClient.from_connection_string(self._connection, queue.name) as opened:
            await opened.send_message("no base64!")


@dataclass(frozen=True, slots=True)
class Garbled:
    """The stack's own storage, with queues that corrupt what is sent."""

    storage: Storage
    queues: GarblingQueues


@pytest.fixture
async def garbled(stack: Stack) -> AsyncIterator[Garbled]:
    storage = Storage.connect(stack.storage)
    yield Garbled(storage, GarblingQueues(stack))
    await storage.close()


async def purges(portal: Portal) -> list[dict[str, Any]]:
    """Return the events of purges of the partner tenant that deleted users."""
    events = await portal.events(action="tenant.purged")
    own = [event for event in events if event["tenantId"] == CONTOSO.own.tenant_id]
    return [event for event in own if event["before"]["users"]]


async def test_a_purge_whose_message_the_host_drops_is_brought_back_by_the_work_on_record(
    stack: Stack, portal: Portal, garbled: Garbled
) -> None:
    await portal.enabled()
    msps, pending_work = garbled.storage.msps, garbled.storage.pending_work
    cause = Cause(SYSTEM, datetime.now(UTC), "0" * 32)
    await disable_partner_tenant(
        RemovalPorts(msps=msps, pending_work=pending_work, queues=garbled.queues),
        MspId(CONTOSO.msp_id),
        cause,
    )
    await portal.idle()
    await until_empty(stack, "-poison", "-poison-poison")
    assert await purges(portal) == []
    await portal.fire("recover_work")
    await portal.idle()
    (purged,) = await purges(portal)
    assert purged["before"]["users"] > 0


async def test_a_sync_whose_message_the_host_drops_is_brought_back_by_the_schedule(
    stack: Stack, portal: Portal, garbled: Garbled
) -> None:
    tenant = await portal.enabled()
    storage = garbled.storage
    known = await storage.msps.find(Tenant, MspId(CONTOSO.msp_id), TenantId(CONTOSO.own.tenant_id))
    assert known is not None
    requests = SyncRequests(storage.sync_states, storage.sync_schedule, garbled.queues)
    await requests.request(known.value.ref, datetime.now(UTC) - QUEUED_FOR)
    await portal.idle()
    await until_empty(stack, "-poison", "-poison-poison")
    path = f"/tenants/{tenant['tenantId']}"
    waiting_still = await portal.call(owner(), "GET", path)
    assert waiting_still.body["sync"]["state"] == "pending"
    await portal.fire("sync_due_tenants")
    await portal.idle()
    synced = await portal.call(owner(), "GET", path)
    assert synced.body["sync"]["state"] == "succeeded"
