"""A stack whose app is killed at chosen writes, from a proxy in front of storage."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp

from adapters.tables.storage import Storage
from domain.identifiers import MspId, TenantId
from domain.lifecycle import first_usage
from domain.operation import OperationQueue
from domain.row_changes import Insert, Remove, Replace, RowChange
from domain.tenant import GdapInvite, PartnerTenantClaim, Tenant
from local.stack import Stack
from tests.due import due_entries
from tests.e2e.portal import CONTOSO, Portal, owner
from tests.faults.proxy import Kill, WriteCounter
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
        page = await self.store.msps.page(OperationQueue, MSP, 500)
        for queue in page.items:
            idle = replace(queue.value, busy_until=None)
            await self.store.msps.commit([Replace(idle, queue.version)])

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
