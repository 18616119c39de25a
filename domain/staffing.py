"""Staff changes: who may make them, and that an MSP never loses its last owner."""

from dataclasses import dataclass, replace

from domain.audit import Cause
from domain.changes import (
    Decision,
    Insert,
    Operation,
    Remove,
    Replace,
    Versioned,
    decide_and_commit,
)
from domain.errors import LastOwner, OwnerRequired, StaffElsewhere, StaffNotFound
from domain.identifiers import MspId, ObjectId, TenantId
from domain.msp import Msp
from domain.ports import MspStore, StaffIndex
from domain.roles import Role, StaffMember


@dataclass(frozen=True, slots=True)
class Staffing:
    """The rows that a staff change is decided on: the MSP counts its owners."""

    msp: Versioned[Msp]
    member: Versioned[StaffMember] | None


async def put_staff(
    msps: MspStore, index: StaffIndex, member: StaffMember, cause: Cause, *, by_owner: bool
) -> bool:
    """Add a staff member, or change one's role and name; return whether one was added.

    Args:
        by_owner: Whether an owner (or an operator) does it: others touch no owners.

    Raises:
        OwnerRequired: An owner is made or changed by somebody who is none.
        LastOwner: The only owner would become something else.
        StaffElsewhere: The person is staff of another MSP.
    """
    # Refuse before the claim: a change that is refused must not leave one behind.
    decide_put(
        await _read(msps, member.msp_id, member.tid, member.oid), member, cause, by_owner=by_owner
    )
    await _claim(msps, index, member)
    return await decide_and_commit(
        lambda: _read(msps, member.msp_id, member.tid, member.oid),
        lambda staffing: decide_put(staffing, member, cause, by_owner=by_owner),
        msps.commit,
    )


def decide_put(
    staffing: Staffing, member: StaffMember, cause: Cause, *, by_owner: bool
) -> Decision[bool]:
    """Decide an addition or a change, with the owners' count in the same transaction."""
    known = staffing.member
    before = known.value if known else None
    if before == member:
        return Decision(result=False)
    _check_owners(staffing.msp.value, before, member, by_owner=by_owner)
    action = "staff.changed" if known else "staff.added"
    event = cause.event(member.msp_id, action, before=_describe(before), after=_describe(member))
    row: Operation = Replace(member, known.version) if known else Insert(member)
    counted = _counted(staffing.msp, before, member)
    return Decision(known is None, (row, Insert(event), *counted))


async def remove_staff(  # noqa: PLR0913  who removes whom, and by which ports
    msps: MspStore,
    index: StaffIndex,
    msp_id: MspId,
    tid: TenantId,
    oid: ObjectId,
    cause: Cause,
    *,
    by_owner: bool,
) -> None:
    """Remove a staff member.

    Raises:
        StaffNotFound: No such member at this MSP.
        OwnerRequired: An owner is removed by somebody who is none.
        LastOwner: It is the only owner.
    """
    await decide_and_commit(
        lambda: _read(msps, msp_id, tid, oid),
        lambda staffing: decide_remove(staffing, cause, by_owner=by_owner),
        msps.commit,
    )
    await index.release(tid, oid, msp_id)


def decide_remove(staffing: Staffing, cause: Cause, *, by_owner: bool) -> Decision[None]:
    """Decide a removal, with the owners' count in the same transaction."""
    known = staffing.member
    if known is None:
        raise StaffNotFound("No such staff member.")
    _check_owners(staffing.msp.value, known.value, None, by_owner=by_owner)
    event = cause.event(known.value.msp_id, "staff.removed", before=_describe(known.value))
    counted = _counted(staffing.msp, known.value, None)
    return Decision(None, (Remove(known.value, known.version), Insert(event), *counted))


async def _read(msps: MspStore, msp_id: MspId, tid: TenantId, oid: ObjectId) -> Staffing:
    head = await msps.head(msp_id)
    if head is None:
        raise LookupError("no such MSP")
    return Staffing(head.msp, await msps.staff_member(msp_id, tid, oid))


async def _claim(msps: MspStore, index: StaffIndex, member: StaffMember) -> None:
    """Claim the person; a claim without a staff row, left by a crash, is taken over."""
    holder = await index.claim(member.tid, member.oid, member.msp_id)
    if holder == member.msp_id:
        return
    if await msps.staff_member(holder, member.tid, member.oid) is None:
        await index.release(member.tid, member.oid, holder)
        holder = await index.claim(member.tid, member.oid, member.msp_id)
    if holder != member.msp_id:
        raise StaffElsewhere("This person cannot be added here.")


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
) -> tuple[Operation, ...]:
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
