"""Adding, changing and removing staff: the claim of a person, and the transaction."""

import asyncio
import contextlib
from dataclasses import replace

from core.transactions import decide_and_commit
from domain.audit import SYSTEM, Cause
from domain.errors import (
    ForeignPerson,
    LastOwner,
    NoSuchMsp,
    StaffNotFound,
)
from domain.identifiers import MspId, ObjectId, TenantId
from domain.ports.msp_store import MspStore
from domain.ports.staff_index import StaffIndex
from domain.roles import StaffKey, StaffMember
from domain.row_changes import Versioned
from domain.staffing import Staffing, decide_put, decide_remove


async def put_staff(msps: MspStore, index: StaffIndex, member: StaffMember, cause: Cause) -> bool:
    """Add a staff member, or change their role and name; return whether one was added.

    Raises:
        NotStaff: The actor has been removed in the meantime.
        PermissionMissing: The actor's role no longer has the permission.
        OwnerRequired: A non-owner tries to add or change an owner.
        LastOwner: The only owner would get another role.
        ForeignPerson: The MSP does not sign in from the person's tenant, or the person is staff of
            another MSP.
    """

    async def read() -> Staffing:
        return await _read(msps, member.key, cause)

    # Decide before claiming: a refused change must not leave a claim behind.
    decide_put(await read(), member, cause)
    await claim_person(msps, index, member)
    added = await decide_and_commit(
        read, lambda staffing: decide_put(staffing, member, cause), msps.commit
    )
    # A concurrent removal may have released the claim, but every row needs its claim.
    if added:
        await _claim_or_withdraw(msps, index, member, cause)
    else:
        await claim_person(msps, index, member)
    return added


async def remove_staff(msps: MspStore, index: StaffIndex, key: StaffKey, cause: Cause) -> None:
    """Remove a staff member.

    Raises:
        NotStaff: The actor has been removed in the meantime.
        PermissionMissing: The actor's role no longer has the permission.
        StaffNotFound: The MSP has no such staff member.
        OwnerRequired: A non-owner tries to remove an owner.
        LastOwner: The member is the only owner.
    """
    await decide_and_commit(
        lambda: _read(msps, key, cause),
        lambda staffing: decide_remove(staffing, cause),
        msps.commit,
    )
    await index.release(key.tid, key.oid, key.msp_id)
    again = await msps.find(StaffMember, *key)
    if again is not None:  # Added again in between, under the claim that has been released.
        with contextlib.suppress(ForeignPerson):
            await _claim_or_withdraw(msps, index, again.value, cause)


async def claim_person(msps: MspStore, index: StaffIndex, member: StaffMember) -> None:
    """Claim the person for the member's MSP.

    A claim whose MSP has no such staff member was left behind by a crash, and is taken over.

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
    """Claim a person whose row has just been added; remove the row if another MSP has the claim.

    Raises:
        ForeignPerson: Another MSP has claimed the person in the meantime.
    """
    try:
        await claim_person(msps, index, member)
    except ForeignPerson:
        await _withdraw(msps, member, cause)
        raise


async def _withdraw(msps: MspStore, member: StaffMember, cause: Cause) -> None:
    """Remove a member whom another MSP claimed while the row was being written."""
    cause = replace(cause, actor=SYSTEM)
    with contextlib.suppress(StaffNotFound, LastOwner):
        await decide_and_commit(
            lambda: _read(msps, member.key, cause),
            lambda staffing: decide_remove(staffing, cause),
            msps.commit,
        )


async def _read(msps: MspStore, key: StaffKey, cause: Cause) -> Staffing:
    head, member, actor = await asyncio.gather(
        msps.head(key.msp_id), msps.find(StaffMember, *key), _actor(msps, key.msp_id, cause)
    )
    if head is None:
        raise NoSuchMsp
    return Staffing(head.msp, member, head.slot, actor)


async def _actor(msps: MspStore, msp_id: MspId, cause: Cause) -> Versioned[StaffMember] | None:
    tid, oid = cause.actor.tid, cause.actor.oid
    if tid is None or oid is None:
        return None
    return await msps.find(StaffMember, msp_id, TenantId(tid), ObjectId(oid))
