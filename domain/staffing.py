"""Staff changes: who may make them. An MSP never loses its last owner."""

from dataclasses import dataclass, replace

from domain.audit import SYSTEM, Cause
from domain.errors import (
    ForeignPerson,
    LastOwner,
    NotStaff,
    OwnerRequired,
    PermissionMissing,
    StaffNotFound,
)
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.roles import Permission, Role, StaffMember
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange, Versioned
from domain.tenant import PartnerTenantClaim


@dataclass(frozen=True, slots=True)
class Staffing:
    """The rows that a staff change is decided on; the MSP's row has the number of owners.

    Args:
        slot: The MSP's partner tenant, if it has one.
        actor: The current staff row of the person who makes the change.
    """

    msp: Versioned[Msp]
    member: Versioned[StaffMember] | None
    slot: Versioned[PartnerTenantClaim] | None = None
    actor: Versioned[StaffMember] | None = None

    def signs_in_from(self, tid: TenantId) -> bool:
        """Return whether people of the tenant can be staff."""
        return tid in self.msp.value.sign_in_tenants or bool(self._partner_slot(tid))

    def admission(self, tid: TenantId) -> tuple[RowChange, ...]:
        """Return the partner tenant's claim, unchanged, if only it admits people of the tenant.

        Writing it makes a removal of the partner tenant in the meantime a conflict.
        """
        slot = self._partner_slot(tid)
        if slot is None or tid in self.msp.value.sign_in_tenants:
            return ()
        return (Replace(slot.value, slot.version),)

    def _partner_slot(self, tid: TenantId) -> Versioned[PartnerTenantClaim] | None:
        return self.slot if self.slot and self.slot.value.tenant_id == tid else None


def decide_put(staffing: Staffing, member: StaffMember, cause: Cause) -> Decision[bool]:
    """Decide an addition or a change; the number of owners changes in the same transaction.

    Existing staff can be changed even if their tenant is no longer one that the MSP signs in from.
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


def decide_remove(staffing: Staffing, cause: Cause) -> Decision[None]:
    """Decide a removal; the number of owners changes in the same transaction."""
    by_owner = _may_touch_owners(staffing, cause)
    known = staffing.member
    if known is None:
        raise StaffNotFound("No such staff member.")
    _check_owners(staffing.msp.value, known.value, None, by_owner=by_owner)
    event = cause.event(known.value.msp_id, "staff.removed", before=_describe(known.value))
    counted = _counted(staffing.msp, known.value, None)
    actor = _unchanged_actor(staffing, known.value)
    return Decision(None, (Remove(known.value, known.version), Insert(event), *counted, *actor))


def _may_touch_owners(staffing: Staffing, cause: Cause) -> bool:
    """Return whether an owner (or an operator) makes the change.

    The actor's current role counts, not the role at the start of the request: an owner who has
    been removed while the request is running must not take over the MSP.
    """
    if cause.actor == SYSTEM:
        return True
    if staffing.actor is None:
        raise NotStaff("You are not staff of this MSP any more.")
    if not staffing.actor.value.may(Permission.STAFF_MANAGE):
        raise PermissionMissing(f"This needs the permission {Permission.STAFF_MANAGE}.")
    return staffing.actor.value.role is Role.OWNER


def _unchanged_actor(staffing: Staffing, changed: StaffMember) -> tuple[RowChange, ...]:
    """Return the actor's own row, unchanged: a removal of the actor meanwhile is a conflict."""
    actor = staffing.actor
    # If actors change themselves, the change itself is the guard; a row is written only once.
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
    """Return the MSP's row with the new number of owners, so that the last two cannot both go."""
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
