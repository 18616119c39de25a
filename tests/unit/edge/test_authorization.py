from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import MspSuspended, NotStaff, PermissionMissing
from domain.msp import Msp
from domain.roles import Permission, Role, StaffMember
from domain.row_changes import Replace, Versioned
from edge.authorization import Gate
from edge.tokens import Person
from settings import Settings
from tests.fakes.outside import FixedClock
from tests.fakes.storage import FakeMspStore, FakeStaffIndex
from tests.samples import CONTOSO, MSP, NOW, OWNER, version

REMEMBER = timedelta(seconds=Settings.model_fields["staff_cache_seconds"].default)
READS = {
    Permission.STAFF,
    Permission.TENANTS_READ,
    Permission.BILLING_READ,
    Permission.USERS_READ,
    Permission.AUDIT_READ,
}


class Verifier:
    """Treats every caller as the owner."""

    async def verify(self, authorization: str | None) -> Person:
        return Person(OWNER.tid, OWNER.oid)


class World:
    def __init__(self) -> None:
        self.store, self.index, self.clock = (
            FakeMspStore(MSP, OWNER),
            FakeStaffIndex(),
            FixedClock(),
        )
        self.index.claims[OWNER.tid, OWNER.oid] = CONTOSO
        verifier: Any = Verifier()
        self.gate = Gate(verifier, self.index, self.store, self.clock, REMEMBER)

    async def msp(self) -> Versioned[Msp]:
        head = await self.store.head(CONTOSO)
        assert head is not None
        return head.msp

    async def admitted(self, permission: Permission) -> Role:
        return (await self.gate.admit("Bearer x", permission)).member.role


@pytest.mark.parametrize("permission", list(Permission))
async def test_a_removed_member_reads_for_a_moment_and_changes_nothing(
    permission: Permission,
) -> None:
    world = World()
    assert await world.admitted(permission) is Role.OWNER
    del world.store.rows[CONTOSO, "StaffMember", OWNER.tid, OWNER.oid]
    if permission in READS:
        assert await world.admitted(permission) is Role.OWNER
        world.clock.advance(seconds=REMEMBER.total_seconds())
    with pytest.raises(NotStaff):
        await world.admitted(permission)


async def test_a_refused_change_ends_what_is_remembered() -> None:
    world = World()
    await world.admitted(Permission.TENANTS_READ)
    known = version(await world.store.find(StaffMember, CONTOSO, OWNER.tid, OWNER.oid))
    await world.store.commit([Replace(replace(OWNER, role=Role.VIEWER), known.version)])
    assert await world.admitted(Permission.USERS_READ) is Role.OWNER
    for permission in (Permission.TENANTS_MANAGE, Permission.USERS_READ):
        with pytest.raises(PermissionMissing):
            await world.admitted(permission)


async def test_a_suspension_and_its_end_show_at_once() -> None:
    world = World()
    await world.admitted(Permission.TENANTS_READ)
    for suspended_at in (NOW, None):
        known = await world.msp()
        await world.store.commit([Replace(replace(MSP, suspended_at=suspended_at), known.version)])
        assert await world.admitted(Permission.BILLING_READ) is Role.OWNER
        if suspended_at:
            with pytest.raises(MspSuspended):
                await world.admitted(Permission.TENANTS_READ)
    assert await world.admitted(Permission.TENANTS_READ) is Role.OWNER


async def test_a_closed_msp_has_no_staff_from_then_on() -> None:
    world = World()
    await world.admitted(Permission.TENANTS_READ)
    known = await world.msp()
    await world.store.commit([Replace(replace(MSP, closed_at=NOW), known.version)])
    with pytest.raises(NotStaff):
        await world.admitted(Permission.TENANTS_READ)
