"""The process is killed at every write in turn; after a restart the rules hold again.

It is killed when the write is stored and before it hears so. That is every state of storage there
is: to be killed before a write leaves what being killed after the one before it leaves.
"""

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from adapters.tables.storage import Storage
from domain.identifiers import MspId, TenantId
from domain.lifecycle import first_usage
from domain.row_changes import Insert, Remove, Replace, RowChange
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant
from local.azurite import connection_string
from local.browser import Browser
from local.sample_data import MSPS
from local.stack import Ports, Stack
from tests.due import due_entries
from tests.e2e.portal import CONTOSO, Portal, owner
from tests.faults.forked import ForkedHost
from tests.faults.proxy import Kill, Proxy, WriteCounter
from tests.samples import CAUSE, NOW, version

OWN = TenantId(CONTOSO.own.tenant_id)
MSP = MspId(CONTOSO.msp_id)


class Bench:
    """A stack whose app reaches storage through the counting proxy."""

    def __init__(self, stack: Stack, portal: Portal, counter: WriteCounter, store: Storage) -> None:
        self.stack, self.portal, self.counter, self.store = stack, portal, counter, store

    async def kill_at_every_write(
        self,
        prepare: Callable[[], Awaitable[None]],
        act: Callable[[], Awaitable[None]],
        check: Callable[[], Awaitable[None]],
    ) -> int:
        """Kill the app at the first write of an act, then at the second, until it survives.

        Returns:
            At how many writes it was killed.
        """
        kills = 0
        while True:
            await prepare()
            host = self.stack.host
            self.counter.restart(Kill(kills + 1, after=True, pid=partial(int, host.pid)))
            survived = await self._act(act)
            self.counter.restart()
            if survived:
                await self.portal.idle()
                await check()
                return kills
            kills += 1
            await host.until_ended()
            await self.stack.start_host()
            await self.recover()
            await check()

    async def _act(self, act: Callable[[], Awaitable[None]]) -> bool:
        try:
            await act()
        except (aiohttp.ClientError, OSError):
            return False
        return True

    async def recover(self) -> None:
        """Let time pass as the timers see it, fire them, and wait for what they set off."""
        await self.portal.idle()
        await self._pass(timedelta(minutes=5))
        await self.portal.fire("recover_work")
        await self.portal.fire("sync_due_tenants")
        await self.portal.idle()

    async def _pass(self, time: timedelta) -> None:
        """Have leases run out, and everything scheduled within the time fall due."""
        schedule, states = self.store.sync_schedule, self.store.sync_states
        known = [await states.find(ref) for ref in await states.of_msp(MSP, OWN, OWN)]
        due = [entry async for entry in due_entries(schedule, datetime.now(UTC) + time)]
        for entry in [entry for entry in due if entry.ref.tenant_id == OWN]:
            await schedule.add(replace(entry, due_at=entry.due_at - time))
            await schedule.remove(entry)
        for row in filter(None, known):
            due_at = row.value.due_at and row.value.due_at - time
            passed = replace(row.value, due_at=due_at, queued_until=None, lease_until=None)
            await states.replace(passed, row.version)

    async def rows(self) -> tuple[Tenant | None, PartnerTenantClaim | None]:
        """Return the own tenant's row and the slot."""
        head = await self.store.msps.head(MSP)
        tenant = await self.store.msps.find(Tenant, MSP, OWN)
        assert head is not None
        return tenant.value if tenant else None, head.slot.value if head.slot else None

    async def check_slot(self) -> Tenant | None:
        """See that slot and row stand together or not at all; return the partner tenant."""
        tenant, slot = await self.rows()
        is_partner = tenant is not None and tenant.is_own_msp_tenant
        assert is_partner == (slot is not None)
        page = await self.store.msps.page(Tenant, MSP, 500)
        assert sum(known.value.is_own_msp_tenant for known in page.items) == is_partner
        return tenant

    async def check_nothing_left(self) -> None:
        """See that no record of a life that has ended is left, nor any work on record."""
        tenant = await self.check_slot()
        lives = {f"{MSP}:{OWN}:{tenant.epoch}"} if tenant else set()
        for name in ("users", "tenantData"):
            table = self.store.table(name)
            found = {e["PartitionKey"] async for e in table.list_entities()}
            assert {key for key in found if f":{OWN}:" in key} <= lives
        blocks = await self.store.user_index.versions(MSP)
        lives_with_blocks = {ref.epoch for ref, _ in blocks if ref.tenant_id == OWN}
        assert lives_with_blocks <= ({tenant.epoch} if tenant else set())
        states = await self.store.sync_states.of_msp(MSP, OWN, OWN)
        assert {f"{r.msp_id}:{r.tenant_id}:{r.epoch}" for r in states} <= lives
        # A removal that was decided and not committed stays on record until it is surely dead.
        assert {e["RowKey"] async for e in self.store.table("pendingWork").list_entities()} <= lives

    async def customer(self) -> None:
        """Make the own tenant a synced customer with its usage and its invite."""
        await self.portal.call(owner(), "POST", "/my-tenant/disable")
        await self.portal.idle()
        await self.portal.enabled()
        known = await self.store.msps.tenant_records(MSP, OWN)
        tenant, slot = version(known.tenant), version(known.head.slot)
        usage = first_usage(tenant.value, CAUSE)
        invite = GdapInvite(MSP, OWN, "Contoso", "r-1", "active", "https://x", NOW, NOW)
        operations: tuple[RowChange, ...] = (
            Replace(replace(tenant.value, is_own_msp_tenant=False), tenant.version),
            Remove(slot.value, slot.version),
            Replace(usage, known.usage.version) if known.usage else Insert(usage),
            Replace(invite, known.invite.version) if known.invite else Insert(invite),
        )
        await self.store.msps.commit(operations)

    async def nothing(self) -> None:
        """Have no row for the own tenant."""
        await self.portal.call(owner(), "POST", "/my-tenant/disable")
        await self.portal.call(owner(), "DELETE", f"/tenants/{OWN}")
        await self.portal.idle()
        await self.portal.consented()

    async def partner(self) -> None:
        """Have a synced partner tenant."""
        await self.nothing()
        await self.portal.enabled()

    async def call(self, method: str, path: str, *, follow: bool = True) -> None:
        """Call the API as the owner, and wait until all that follows is done, if wanted."""
        reply = await self.portal.call(owner(), method, path)
        if reply.status >= 500:
            raise aiohttp.ClientError("the app died")
        if follow:
            await self.portal.idle()


@pytest.fixture(scope="module")
async def bench(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[Bench]:
    counter, ports = WriteCounter(), Ports.free()
    async with (
        Proxy(counter, lambda: ports.table) as tables,
        Proxy(counter, lambda: ports.queue) as queues,
    ):
        settings = {
            "STORAGE_CONNECTION_STRING": connection_string(ports.blob, queues.port, tables.port),
            "STAFF_CACHE_SECONDS": "0",
            "WORK_REDELIVERY_SECONDS": "0",
        }
        run_dir = tmp_path_factory.mktemp("faults")
        shutil.copytree(certificates, run_dir, dirs_exist_ok=True)
        stack = Stack(run_dir, ports, timers=False, settings=settings, launch=ForkedHost)
        async with stack, Browser(stack.api, stack.microsoft, stack.ca) as browser:
            store = Storage.connect(stack.storage)
            portal = Portal(browser)
            await portal.tenant(CONTOSO, users=5)
            await _nobody_else_is_due(store)
            yield Bench(stack, portal, counter, store)
            await store.close()


async def _nobody_else_is_due(store: Storage) -> None:
    async for entry in due_entries(store.sync_schedule, datetime.now(UTC)):
        await store.sync_schedule.remove(entry)


async def test_enable_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/enable", follow=False)

    async def check() -> None:
        await bench.check_nothing_left()
        await bench.call("POST", "/my-tenant/enable")
        tenant = await bench.portal.partner_tenant()
        assert tenant is not None
        assert tenant["sync"]["state"] == "succeeded"

    kills = await bench.kill_at_every_write(bench.nothing, act, check)
    assert kills >= 3


async def test_a_consent_callback_survives_a_kill_at_every_write(bench: Bench) -> None:
    query = ""

    async def prepare() -> None:
        nonlocal query
        await bench.nothing()
        state = await bench.portal.state()
        query = f"admin_consent=True&tenant={OWN}&scope=x&state={state}"

    async def act() -> None:
        await bench.call("GET", f"/consent/callback?{query}", follow=False)

    async def check() -> None:
        tenant = await bench.check_slot()
        if tenant is None:
            # Killed before the state was spent: the browser's reload starts where it was.
            assert await bench.portal.callback(query) == "enabled"
        else:
            assert await bench.portal.callback(query) == "invalid"
        await bench.portal.idle()
        shown = (await bench.portal.call(owner(), "GET", "/my-tenant")).body
        assert (shown["consent"]["state"], shown["consent"]["outcome"]) == ("completed", "enabled")
        assert shown["tenant"]["sync"]["state"] == "succeeded"
        await bench.check_nothing_left()

    kills = await bench.kill_at_every_write(prepare, act, check)
    assert kills >= 5


async def test_convert_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/enable", follow=False)

    async def check() -> None:
        tenant = await bench.check_slot()
        assert tenant is not None
        # The customer's usage goes with the conversion, all or nothing: it is never billed.
        usage = (await bench.store.msps.tenant_records(MSP, OWN)).usage
        assert (usage is None) is tenant.is_own_msp_tenant
        await bench.call("POST", "/my-tenant/enable")
        assert (await bench.check_slot() or tenant).is_own_msp_tenant
        left = await bench.store.msps.tenant_records(MSP, OWN)
        assert left.usage is None

    kills = await bench.kill_at_every_write(bench.customer, act, check)
    assert kills >= 3


async def test_disable_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/disable")

    kills = await bench.kill_at_every_write(bench.partner, act, bench.check_nothing_left)
    assert kills >= 8


async def test_hard_delete_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("DELETE", f"/tenants/{OWN}")

    async def check() -> None:
        await bench.check_nothing_left()
        left = await bench.store.msps.tenant_records(MSP, OWN)
        # What was used stays to be billed, and ends with the tenant; its invite goes with it.
        usage = version(left.usage).value
        assert (usage.periods[-1].until is None) is (left.tenant is not None)
        assert (left.invite is None) is (left.tenant is None)

    kills = await bench.kill_at_every_write(bench.customer, act, check)
    assert kills >= 8


async def test_invoicing_survives_a_kill_of_its_timer_and_of_its_workers(bench: Bench) -> None:
    """What a run has not queued or not done, the next one does, and none of it twice."""

    async def issued() -> list[list[str]]:
        replies = [await bench.portal.call(owner(msp), "GET", "/billing/invoices") for msp in MSPS]
        return [[invoice["number"] for invoice in reply.body["items"]] for reply in replies]

    async def check() -> None:
        numbers = ["M365-INV-0001", "M365-INV-0002"]
        assert all(found == numbers[: len(found)] for found in await issued())

    async def act() -> None:
        await bench.portal.fire("issue_invoices")

    assert await bench.kill_at_every_write(bench.portal.idle, act, check) >= len(MSPS)
    assert [len(found) for found in await issued()] == [2] * len(MSPS)
    for msp in MSPS:
        events = (await bench.store.msps.audit_events(MspId(msp.msp_id), 500)).items
        counted = Counter(event.action for event in events)
        assert counted["invoice.issued"] == counted["invoice.documented"] == 2
        assert counted["billing.failed"] == 0
