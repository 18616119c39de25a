"""Staff changes: who may make them, and that an MSP never loses its last owner."""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from domain.audit import SYSTEM, Cause
from domain.errors import (
    ForeignPerson,
    LastOwner,
    NoSuchMsp,
    NotStaff,
    OwnerRequired,
    PermissionMissing,
    StaffNotFound,
)
from domain.identifiers import MspId, ObjectId, TenantId
from domain.msp import Msp
from domain.ports.msp_store import MspStore
from domain.ports.staff_index import StaffIndex
from domain.roles import Permission, Role, StaffMember
from domain.row_changes import (
    Decision,
    Insert,
    Remove,
    Replace,
    RowChange,
    Versioned,
    decide_and_commit,
)
from domain.tenant import PartnerTenantClaim


@dataclass(frozen=True, slots=True)
class Staffing:
    """The rows that a staff change is decided on: the MSP counts its owners.

    Args:
        slot: The MSP's partner tenant, if it has one.
        actor: Who makes the change, as staff of the MSP at this moment.
    """

    msp: Versioned[Msp]
    member: Versioned[StaffMember] | None
    slot: Versioned[PartnerTenantClaim] | None = None
    actor: Versioned[StaffMember] | None = None

    def signs_in_from(self, tid: TenantId) -> bool:
        """Tell whether people of the tenant can be staff."""
        return tid in self.msp.value.sign_in_tenants or bool(self._partner_slot(tid))

    def admission(self, tid: TenantId) -> tuple[RowChange, ...]:
        """Write the slot as it is where it alone admits: its removal in between is a conflict."""
        slot = self._partner_slot(tid)
        if slot is None or tid in self.msp.value.sign_in_tenants:
            return ()
        return (Replace(slot.value, slot.version),)

    def _partner_slot(self, tid: TenantId) -> Versioned[PartnerTenantClaim] | None:
        return self.slot if self.slot and self.slot.value.tenant_id == tid else None


async def put_staff(msps: MspStore, index: StaffIndex, member: StaffMember, cause: Cause) -> bool:
    """Add a staff member, or change one's role and name; return whether one was added.

    Raises:
        NotStaff: Who asks for it has been removed meanwhile.
        PermissionMissing: Their role may no longer do it.
        OwnerRequired: An owner is made or changed by somebody who is none.
        LastOwner: The only owner would become something else.
        ForeignPerson: The MSP does not sign in from the person's tenant, or the person is staff of
            another MSP.
    """

    async def read() -> Staffing:
        return await _read(msps, member.msp_id, member.tid, member.oid, cause)

    # Refuse before the claim: a change that is refused must not leave one behind.
    decide_put(await read(), member, cause)
    await claim_person(msps, index, member)
    added = await decide_and_commit(
        read, lambda staffing: decide_put(staffing, member, cause), msps.commit
    )
    # A removal that was under way may have released the claim since: a row needs its claim.
    if added:
        await _claim_or_withdraw(msps, index, member, cause)
    else:
        await claim_person(msps, index, member)
    return added


def decide_put(staffing: Staffing, member: StaffMember, cause: Cause) -> Decision[bool]:
    """Decide an addition or a change, with the owners' count in the same transaction.

    Who is staff already stays so, whatever became of the tenant.
    """
    by_owner = _may_touch_owners(staffing, cause)
    known = staffing.member
    if known is None and not staffing.signs_in_from(member.tid):
        raise ForeignPerson
    before = known.value if known else None
    if before == member:
        return Decision(result=False)
    _check_owners(staffing.msp.value, before, member, by_owner=by_owner)
    action = "staff.changed" if known else "staff.added"
    event = cause.event(member.msp_id, action, before=_describe(before), after=_describe(member))
    row: RowChange = Replace(member, known.version) if known else Insert(member)
    counted = _counted(staffing.msp, before, member)
    actor = _unchanged_actor(staffing, member)
    admission = () if known else staffing.admission(member.tid)
    return Decision(known is None, (row, Insert(event), *counted, *actor, *admission))


async def remove_staff(  # noqa: PLR0913  who removes whom, and by which ports
    msps: MspStore,
    index: StaffIndex,
    msp_id: MspId,
    tid: TenantId,
    oid: ObjectId,
    cause: Cause,
) -> None:
    """Remove a staff member.

    Raises:
        NotStaff: Who asks for it has been removed meanwhile.
        PermissionMissing: Their role may no longer do it.
        StaffNotFound: No such member at this MSP.
        OwnerRequired: An owner is removed by somebody who is none.
        LastOwner: It is the only owner.
    """
    await decide_and_commit(
        lambda: _read(msps, msp_id, tid, oid, cause),
        lambda staffing: decide_remove(staffing, cause),
        msps.commit,
    )
    await index.release(tid, oid, msp_id)
    again = await msps.find(StaffMember, msp_id, tid, oid)
    if again is not None:
        # Somebody has added the person again in between, on the claim that is gone now.
        with contextlib.suppress(ForeignPerson):
            await _claim_or_withdraw(msps, index, again.value, cause)


def decide_remove(staffing: Staffing, cause: Cause) -> Decision[None]:
    """Decide a removal, with the owners' count in the same transaction."""
    by_owner = _may_touch_owners(staffing, cause)
    known = staffing.member
    if known is None:
        raise StaffNotFound("No such staff member.")
    _check_owners(staffing.msp.value, known.value, None, by_owner=by_owner)
    event = cause.event(known.value.msp_id, "staff.removed", before=_describe(known.value))
    counted = _counted(staffing.msp, known.value, None)
    actor = _unchanged_actor(staffing, known.value)
    return Decision(None, (Remove(known.value, known.version), Insert(event), *counted, *actor))


async def claim_person(msps: MspStore, index: StaffIndex, member: StaffMember) -> None:
    """Claim the person for the member's MSP.

    A claim whose MSP has no such staff member was left by a crash, and is taken over.

    Raises:
        ForeignPerson: The person is staff of another MSP.
    """
    holder = await index.claim(member.tid, member.oid, member.msp_id)
    if holder == member.msp_id:
        return
    if await msps.find(StaffMember, holder, member.tid, member.oid) is None:
        await index.release(member.tid, member.oid, holder)
        holder = await index.claim(member.tid, member.oid, member.msp_id)
    if holder != member.msp_id:
        raise ForeignPerson


async def _claim_or_withdraw(
    msps: MspStore, index: StaffIndex, member: StaffMember, cause: Cause
) -> None:
    """Claim a person whose row has just been added; take the row back if they are foreign.

    Raises:
        ForeignPerson: Another MSP has claimed them meanwhile.
    """
    try:
        await claim_person(msps, index, member)
    except ForeignPerson:
        await _withdraw(msps, member, cause)
        raise


async def _withdraw(msps: MspStore, member: StaffMember, cause: Cause) -> None:
    """Take back a member whom another MSP claimed while the row was written."""
    cause = replace(cause, actor=SYSTEM)
    with contextlib.suppress(StaffNotFound, LastOwner):
        await decide_and_commit(
            lambda: _read(msps, member.msp_id, member.tid, member.oid, cause),
            lambda staffing: decide_remove(staffing, cause),
            msps.commit,
        )


async def _read(
    msps: MspStore, msp_id: MspId, tid: TenantId, oid: ObjectId, cause: Cause
) -> Staffing:
    head, member, actor = await asyncio.gather(
        msps.head(msp_id), msps.find(StaffMember, msp_id, tid, oid), _actor(msps, msp_id, cause)
    )
    if head is None:
        raise NoSuchMsp
    return Staffing(head.msp, member, head.slot, actor)


async def _actor(msps: MspStore, msp_id: MspId, cause: Cause) -> Versioned[StaffMember] | None:
    tid, oid = cause.actor.tid, cause.actor.oid
    if tid is None or oid is None:
        return None
    return await msps.find(StaffMember, msp_id, TenantId(tid), ObjectId(oid))


def _may_touch_owners(staffing: Staffing, cause: Cause) -> bool:
    """Tell whether an owner (or an operator) makes the change.

    What the actor was when the request began does not count: a removed owner whose request is
    still under way must not take over the MSP.
    """
    if cause.actor == SYSTEM:
        return True
    if staffing.actor is None:
        raise NotStaff("You are not staff of this MSP any more.")
    if not staffing.actor.value.may(Permission.STAFF_MANAGE):
        raise PermissionMissing(f"This needs the permission {Permission.STAFF_MANAGE}.")
    return staffing.actor.value.role is Role.OWNER


def _unchanged_actor(staffing: Staffing, changed: StaffMember) -> tuple[RowChange, ...]:
    """Write the actor's own row as it is: a removal of the actor in between is a conflict."""
    actor = staffing.actor
    # One who changes oneself is guarded by the change itself; a row is written once.
    if actor is None or (actor.value.tid, actor.value.oid) == (changed.tid, changed.oid):
        return ()
    return (Replace(actor.value, actor.version),)


def _check_owners(
    msp: Msp, before: StaffMember | None, after: StaffMember | None, *, by_owner: bool
) -> None:
    was, becomes = _is_owner(before), _is_owner(after)
    if (was or becomes) and not by_owner:
        raise OwnerRequired("Only an owner makes, changes or removes owners.")
    if was and not becomes and msp.owners <= 1:
        raise LastOwner("The last owner can be neither removed nor demoted.")


def _counted(
    msp: Versioned[Msp], before: StaffMember | None, after: StaffMember | None
) -> tuple[RowChange, ...]:
    """Return the MSP's row with its owners counted anew: two last owners cannot both go."""
    change = _is_owner(after) - _is_owner(before)
    if change == 0:
        return ()
    return (Replace(replace(msp.value, owners=msp.value.owners + change), msp.version),)


def _is_owner(member: StaffMember | None) -> bool:
    return member is not None and member.role is Role.OWNER


def _describe(member: StaffMember | None) -> dict[str, str] | None:
    if member is None:
        return None
    return {"tid": member.tid, "oid": member.oid, "role": str(member.role), "name": member.name}
