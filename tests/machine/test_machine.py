"""Lifecycle, GDAP, enable, disable, delete, sync and time in random orders.

MACHINE_EXAMPLES=500 and MACHINE_AZURITE_EXAMPLES=50 run it at full size.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar, override
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from adapters.tables.storage import Storage
from domain.errors import PARTNER_TENANT_PROTECTED
from domain.gdap import RelationshipState
from domain.identifiers import MspId, ObjectId, TenantId, TenantRef
from domain.msp import Msp
from domain.roles import Role, StaffMember
from domain.row_changes import Insert, Remove
from domain.tenant import GdapInvite, Tenant
from domain.usage import TenantUsage
from domain.work_queues import PURGE_TENANT
from tests.fakes.portfolio import FakeUserIndex, FakeWholeReads
from tests.fakes.records import FakeSyncedRecords, FakeTenantData
from tests.fakes.storage import (
    FakeMspStore,
    FakePendingWork,
    FakeStaffIndex,
    FakeSyncStates,
)
from tests.machine.app import App, Stores, caller
from tests.machine.model import ModelMsp, by_month, days_between
from tests.samples import MSP

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "40"))
AZURITE_EXAMPLES = int(os.environ.get("MACHINE_AZURITE_EXAMPLES", "1"))
STEPS = 30

whose = st.sampled_from([0, 1])
which = st.sampled_from([0, 1, 2])


def _new_msp() -> Msp:
    app = replace(MSP.app, tenant_id=TenantId(str(uuid4())))
    return replace(MSP, msp_id=MspId(str(uuid4())), app=app)


class Lives(RuleBasedStateMachine):
    """Two MSPs, each with its own tenant, and two customers that both may have."""

    connection: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.storage: Storage | None = None
        self.app = self.run(self._open())
        self.shared = [TenantId(str(uuid4())) for _ in range(2)]
        self.msps = [_new_msp() for _ in range(2)]
        self.models = [ModelMsp(msp.app.tenant_id) for msp in self.msps]
        self.refs: set[TenantRef] = set()
        self.oid = ObjectId(str(uuid4()))
        self.run(self._onboard())

    def run[T](self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    async def _open(self) -> App:
        if self.connection is None:
            msps = FakeMspStore()
            return App(
                Stores(
                    msps,
                    FakeStaffIndex(),
                    FakeSyncStates(),
                    msps.schedule,
                    FakeSyncedRecords(),
                    FakeTenantData(),
                    FakePendingWork(),
                    FakeUserIndex(),
                    FakeWholeReads(),
                )
            )
        real = self.storage = Storage.connect(self.connection)
        await real.create_tables()
        return App(
            Stores(
                real.msps,
                real.staff_index,
                real.sync_states,
                real.sync_schedule,
                real.records,
                real.tenant_data,
                real.pending_work,
                real.user_index,
                real.whole_reads,
            )
        )

    async def _onboard(self) -> None:
        for msp in self.msps:
            owner = StaffMember(msp.msp_id, msp.app.tenant_id, self.oid, Role.OWNER, "Adele")
            await self.app.stores.staff_index.claim(owner.tid, owner.oid, msp.msp_id)
            await self.app.stores.msps.commit((Insert(msp), Insert(owner)))

    def tenant_id(self, msp: int, index: int) -> TenantId:
        return self.shared[index] if index < 2 else self.models[msp].home

    def call(self, msp: int, name: str, method: str, path: str, body: Any = None) -> Any:
        self.tick()
        who = caller(self.models[msp].home, self.oid)
        return self.run(self.app.call(who, name, method, path, body))

    def tick(self, **by: float) -> None:
        """Advance time, so that no two events have the same time."""
        passed = timedelta(**(by or {"seconds": 61}))
        for model in self.models:
            model.pass_time(self.app.clock.moment, passed)
        self.app.clock.moment += passed

    @rule(msp=whose, index=which)
    def invite(self, msp: int, index: int) -> None:
        key = self.tenant_id(msp, index)
        body = {"tenantId": key, "displayName": "A customer"}
        reply = self.call(msp, "create_gdap_invite", "POST", "/gdap/invites", body)
        assert reply.status in (200, 201), reply
        known = self.models[msp].tenants.get(key)
        if key == self.models[msp].home or (known and known.own):
            assert (reply.status, reply.body["status"]) == (200, "skipped")
        elif known and known.status != "offboarded" and not known.lost:
            assert (reply.status, reply.body["status"]) == (200, "active")
        else:
            assert reply.body["status"] == "pending"

    @rule(msp=whose, index=which, accepted=st.booleans())
    def make_in_partner_center(self, msp: int, index: int, *, accepted: bool) -> None:
        self.tick()
        made = self.app.gdap.make(self.msps[msp].msp_id, self.tenant_id(msp, index))
        if accepted:
            self.tick()
            self.app.gdap.accept(made.relationship_id)

    @rule(data=st.data(), to=st.sampled_from(["accept", "terminated", "expired"]))
    def customer_decides(self, data: st.DataObject, to: str) -> None:
        wanted = RelationshipState.PENDING if to == "accept" else RelationshipState.ACTIVE
        keys = [k for k, (_m, r) in self.app.gdap.known.items() if r.state is wanted]
        if not keys:
            return
        self.tick()
        key = data.draw(st.sampled_from(keys))
        if to == "accept":
            self.app.gdap.accept(key)
        else:
            self.app.gdap.end(key, to)

    @rule()
    def poll(self) -> None:
        self.tick()
        for msp, model in zip(self.msps, self.models, strict=True):
            found = [r for m, r in self.app.gdap.known.values() if m == msp.msp_id]
            for key in {relationship.tenant_id for relationship in found}:
                of = [relationship for relationship in found if relationship.tenant_id == key]
                model.poll(key, of, self._pending(msp.msp_id, key))
        self.run(self.app.fire("poll_gdap_relationships"))

    def _pending(self, msp_id: MspId, key: TenantId) -> str | None:
        known = self.run(self.app.stores.msps.tenant_records(msp_id, key)).invite
        waits = known is not None and known.value.status == "pending"
        return known.value.relationship_id if known and waits else None

    @rule(
        msp=whose,
        index=which,
        name=st.sampled_from(["suspend", "resume", "offboard", "reactivate"]),
    )
    def step(self, msp: int, index: int, name: str) -> None:
        key = self.tenant_id(msp, index)
        reply = self.call(msp, f"{name}_tenant", "POST", f"/tenants/{key}/{name}")
        assert reply.status == self.models[msp].step(key, name, self.app.clock.now()), reply

    @rule(msp=whose, index=which)
    def hard_delete(self, msp: int, index: int) -> None:
        key = self.tenant_id(msp, index)
        reply = self.call(msp, "delete_tenant", "DELETE", f"/tenants/{key}")
        assert reply.status == self.models[msp].hard_delete(key, self.app.clock.now()), reply
        if reply.status == 403:
            assert reply.body["message"] == PARTNER_TENANT_PROTECTED

    @rule(msp=whose)
    def enable(self, msp: int) -> None:
        reply = self.call(msp, "enable_my_tenant", "POST", "/my-tenant/enable")
        assert reply.status == self.models[msp].enable(), reply

    @rule(msp=whose)
    def disable(self, msp: int) -> None:
        reply = self.call(msp, "disable_my_tenant", "POST", "/my-tenant/disable")
        assert reply.status == self.models[msp].disable(self.app.clock.now()), reply

    @rule(msp=whose, index=which)
    def ask_for_a_sync(self, msp: int, index: int) -> None:
        key = self.tenant_id(msp, index)
        reply = self.call(msp, "request_tenant_sync", "POST", f"/tenants/{key}/sync")
        known = self.models[msp].tenants.get(key)
        is_synced = known is not None and (known.own or known.counts)
        assert reply.status == (404 if known is None else 202 if is_synced else 409), reply

    @rule(twice=st.booleans())
    def take_a_message(self, *, twice: bool) -> None:
        self.run(self.app.take(twice=twice))

    @rule(timer=st.sampled_from(["sync_due_tenants", "recover_work"]))
    def fire(self, timer: str) -> None:
        self.tick()
        self.run(self.app.fire(timer))

    @rule(hours=st.integers(1, 50))
    def wait(self, hours: int) -> None:
        self.tick(hours=hours)

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        for msp, model in zip(self.msps, self.models, strict=True):
            self.run(self._compare(msp.msp_id, model))

    async def _compare(self, msp_id: MspId, model: ModelMsp) -> None:
        store = self.app.stores.msps
        head, page = await store.head(msp_id), await store.page(Tenant, msp_id, 100)
        found = {known.value.tenant_id: known.value for known in page.items}
        self.refs |= {tenant.ref for tenant in found.values()}
        assert len(found) == len(page.items)
        shown = {
            k: (t.is_own_msp_tenant, str(t.status), t.connection_lost_at is not None)
            for k, t in found.items()
        }
        assert shown == {k: (t.own, t.status, t.lost) for k, t in model.tenants.items()}
        own = [tenant.tenant_id for tenant in found.values() if tenant.is_own_msp_tenant]
        slot = head.slot.value.tenant_id if head and head.slot else None
        assert own == ([slot] if slot else [])
        usages = await store.all(TenantUsage, msp_id)
        active = {known.tenant_id: self._active_days(known) for known in usages}
        assert {k: days for k, days in active.items() if days} == model.active_days()

    def _active_days(self, usage: TenantUsage) -> Counter[str]:
        """Count days, and no seconds: folding joins periods that have no whole day between them."""
        now, days = self.app.clock.now(), set[date]()
        for period in usage.periods:
            days |= days_between(period.since, period.until or now)
        return by_month(days)

    @override
    def teardown(self) -> None:
        """Process the queues until they are empty; nothing is left of removed tenants."""
        try:
            self.run(self._drain())
            self.run(self._check_nothing_left())
        finally:
            self.run(self._close())
            self.runner.close()

    async def _drain(self) -> None:
        for _ in range(3):
            while await self.app.take():
                self.app.clock.advance(seconds=1)
            self.app.clock.advance(minutes=31)
            await self.app.fire("recover_work")
        while await self.app.take():
            pass

    async def _check_nothing_left(self) -> None:
        stores = self.app.stores
        there = {
            known.value.ref
            for msp in self.msps
            for known in (await stores.msps.page(Tenant, msp.msp_id, 100)).items
        }
        for ref in self.refs - there:
            assert await stores.sync_states.find(ref) is None
            assert await stores.pending_work.find(PURGE_TENANT, ref) is None
            assert (await stores.records.page(ref, 1)).items == ()
            assert await stores.tenant_data.read_all(ref) == {}
            assert await stores.user_index.counts(ref) == {}
        for msp in self.msps:
            page = await stores.msps.page(GdapInvite, msp.msp_id, 100)
            invites = [known.value for known in page.items]
            assert len({invite.tenant_id for invite in invites}) == len(invites)
            assert all(isinstance(invite, GdapInvite) for invite in invites)

    async def _close(self) -> None:
        for msp in self.msps:
            head = await self.app.stores.msps.head(msp.msp_id)
            if head:  # Keep this example's rows out of the next example's timers.
                await self.app.stores.msps.commit((Remove(head.msp.value, head.msp.version),))
        if self.storage:
            await self.storage.close()


def _run(machine: type[Lives], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_lives_are_as_the_model_says() -> None:
    _run(Lives, EXAMPLES)


def test_random_lives_on_real_storage_are_as_the_model_says(azurite: str) -> None:
    machine = type("LivesOnAzurite", (Lives,), {"connection": azurite})
    _run(machine, AZURITE_EXAMPLES)
