"""Concurrent changes over HTTP, verified in storage."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.tables.storage import Storage
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, TenantId, new_epoch
from domain.lifecycle import first_usage
from domain.row_changes import Insert
from local.browser import Reply
from local.sample_data import STRANGER_OID, SeedStaff
from local.stack import Stack
from tests.e2e.portal import CONTOSO, STRANGER, Portal, owner
from tests.samples import tenant as sample

MSP, OWN = MspId(CONTOSO.msp_id), TenantId(CONTOSO.own.tenant_id)
# A second owner who signs in from another tenant: a second candidate for the partner tenant.
PARTNER = SeedStaff("msp_owner", STRANGER.tenant_id, STRANGER_OID, "Second Owner")
PARTNERS_ROW = f"/staff/{PARTNER.tid}/{PARTNER.oid}"


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[Storage]:
    """The app's storage."""
    opened = Storage.connect(stack.storage)
    yield opened
    await opened.close()


@pytest.fixture
async def candidates(portal: Portal) -> AsyncIterator[tuple[SeedStaff, SeedStaff]]:
    """Two owners from two tenants, both with consent and with few users to sync."""
    body = {"role": "msp_owner", "name": PARTNER.name}
    assert (await portal.call(owner(), "PUT", PARTNERS_ROW, body)).status == 201
    for tenant_id in (OWN, STRANGER.tenant_id):
        asked = {"consented": True, "users": 3}
        await portal.browser.control("PUT", f"/tenants/{tenant_id}", asked)
    yield owner(), PARTNER
    await portal.browser.control("PUT", f"/tenants/{OWN}", {"users": CONTOSO.own.users})
    await portal.browser.control("PUT", f"/tenants/{STRANGER.tenant_id}", {"users": STRANGER.users})
    assert (await portal.call(owner(), "DELETE", PARTNERS_ROW)).status == 204


async def partners(store: Storage) -> set[str]:
    """Return the partner tenants from the rows of one query, and check that the slot agrees."""
    in_range = "PartitionKey eq @msp and RowKey ge 'msp:' and RowKey lt 'tenant;'"
    found = store.table("msps").query_entities(in_range, parameters={"msp": MSP})
    rows = {entity["RowKey"]: entity async for entity in found}
    flagged = {key[len("tenant:") :] for key, row in rows.items() if row.get("is_own_msp_tenant")}
    slot = rows.get("msp:partner-tenant")
    assert flagged == ({slot["tenant_id"]} if slot else set())
    return flagged


@asynccontextmanager
async def watched(store: Storage) -> AsyncIterator[set[str]]:
    """Poll storage during the block; yield the set of partner tenants that were seen."""
    seen: set[str] = set()
    over = asyncio.Event()

    async def watch() -> int:
        looks = 0
        while not over.is_set():
            seen.update(await partners(store))
            looks += 1
            await asyncio.sleep(0.02)
        return looks

    watching = asyncio.ensure_future(watch())
    try:
        yield seen
    finally:
        over.set()
        assert await watching > 10


async def test_enables_callbacks_and_disables_at_once_never_make_two_or_half_of_one(
    portal: Portal, store: Storage, candidates: tuple[SeedStaff, SeedStaff]
) -> None:
    states = {staff: [await portal.state(by=staff) for _ in range(25)] for staff in candidates}

    async def callback(staff: SeedStaff) -> Reply:
        query = f"admin_consent=True&tenant={staff.tid}&scope=x&state={states[staff].pop()}"
        return await portal.call(None, "GET", f"/consent/callback?{query}")

    calls = []
    for turn in range(50):
        one, other = candidates if turn % 2 else reversed(candidates)
        calls += [
            portal.call(one, "POST", "/my-tenant/enable"),
            callback(other),
            portal.call(one, "POST", "/my-tenant/disable"),
        ]
    async with watched(store) as seen:
        replies = await asyncio.gather(*calls)
        await portal.idle()
    statuses = Counter(reply.status for reply in replies)
    assert set(statuses) <= {200, 201, 302, 404, 409, 503}
    # On a machine this busy a response may come too late, and then times out with a code.
    late = {reply.body["code"] for reply in replies if reply.status == 503}
    assert late <= {"microsoft_unavailable", "storage_unavailable"}
    outcomes = Counter(r.location.rpartition("=")[2] for r in replies if r.status == 302)
    assert set(outcomes) <= {"enabled", "pending", "expired", "partner_tenant_exists"}
    events = await portal.events(action="tenant.")
    enabled = {event["tenantId"] for event in events if event["action"] == "tenant.enabled"}
    # The second candidate found the first one's tenant, or replaced it after it was removed.
    assert seen <= enabled <= {OWN, STRANGER.tenant_id}
    assert len(enabled) == 2 or outcomes["partner_tenant_exists"] or statuses[409]
    counted = Counter(event["action"] for event in events)
    left = await partners(store)
    # Each enabled tenant was disabled once, except for the one that may still exist.
    assert counted["tenant.enabled"] - counted["tenant.disabled"] == len(left)
    shown = await portal.partner_tenant()
    assert {shown["tenantId"]} == left if shown else left == set()
    listed = await portal.call(owner(), "GET", "/tenants?pageSize=500&scope=partner")
    assert {item["tenantId"] for item in listed.body["items"]} <= left


async def test_a_conversion_that_races_a_hard_delete_ends_in_one_of_two_states(
    portal: Portal, store: Storage
) -> None:
    await portal.consented()
    await portal.tenant(CONTOSO, users=3)
    for turn in range(12):
        cause = Cause(SYSTEM, datetime.now(UTC), f"race {turn}")
        customer = replace(sample(OWN, msp_id=MSP), epoch=new_epoch(), created_at=cause.at)
        usage = (await store.msps.tenant_records(MSP, OWN)).usage
        opened = () if usage else (Insert(first_usage(customer, cause)),)
        await store.msps.commit((Insert(customer), *opened))

        async def late(method: str, path: str) -> Reply:
            await asyncio.sleep(random.uniform(0, 0.03))  # noqa: S311  not a secret
            return await portal.call(owner(), method, path)

        enabled, deleted = await asyncio.gather(
            late("POST", "/my-tenant/enable"), late("DELETE", f"/tenants/{OWN}")
        )
        after = (await store.msps.tenant_records(MSP, OWN)).tenant
        assert after is not None
        assert await partners(store) == {OWN}
        assert (enabled.status, deleted.status) in {(200, 403), (201, 204)}
        # A conversion keeps the epoch; enabling after a deletion starts a new one.
        assert (after.value.epoch == customer.epoch) is (enabled.status == 200)
        actions = {e["action"] for e in await portal.events() if e["tenantId"] == OWN}
        assert ("tenant.hard_delete" in actions) or deleted.status == 403
        assert (await portal.call(owner(), "POST", "/my-tenant/disable")).status == 200
    await portal.idle()
    await portal.tenant(CONTOSO, users=CONTOSO.own.users)
