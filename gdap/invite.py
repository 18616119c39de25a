"""Inviting a customer once: the MSP's own tenant and connected or invited ones get no invite."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import ConcurrentChange, MspSuspended
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.ports.gdap import Relationship
from domain.ports.msp_store import MspStore, TenantRecords
from domain.row_changes import Decision, Insert, Remove, write
from domain.tenant import GdapInvite, Tenant, TenantStatus
from gdap.invite_record import CLAIMED, PENDING
from gdap.ports import GdapPorts

# For how long a claim keeps others from inviting, while the relationship is created at Microsoft.
_CLAIM = timedelta(minutes=2)
_ATTEMPTS, _PAUSE = 40, 0.25


class InviteStatus(StrEnum):
    """The result of an invitation."""

    CREATED = "created"
    PENDING = "pending"
    ACTIVE = "active"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Invited:
    """The result of an invitation, with the customer's invite, if there is one."""

    status: InviteStatus
    invite: GdapInvite | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to invite, and for how long."""

    tenant_id: TenantId
    display_name: str
    duration_days: int


async def invite_customer(
    ports: GdapPorts, msp: Msp, invitation: Invitation, cause: Cause
) -> Invited:
    """Invite a customer, unless an invite is unnecessary.

    A claim is stored first, so that two requests at once create one relationship at Microsoft;
    the second request waits for the result of the first.

    Raises:
        GdapRefused: Microsoft refuses the relationship; the claim is removed again.
        ConcurrentChange: Another invitation of the tenant does not finish in time.
        MspSuspended: The MSP has been deleted in the meantime.
    """
    for _ in range(_ATTEMPTS):
        records = await _read(ports.msps, msp, invitation.tenant_id)
        if invited := _already_invited(records, invitation.tenant_id, cause):
            return invited
        is_claimed = _is_claimed(records, cause)
        if not is_claimed and await _claim(ports.msps, records, invitation, cause):
            return await _create(ports, msp, invitation, cause)
        await ports.pause(_PAUSE)
    raise ConcurrentChange("This tenant is being invited already.")


async def _read(msps: MspStore, msp: Msp, tenant_id: TenantId) -> TenantRecords:
    records = await msps.tenant_records(msp.msp_id, tenant_id)
    if records.head.msp.value.closed_at is not None:
        raise MspSuspended("The MSP has been deleted.")
    return records


def _already_invited(records: TenantRecords, tenant_id: TenantId, cause: Cause) -> Invited | None:
    """Return the result when a new invite is unnecessary, else None."""
    tenant, known = records.tenant, records.invite
    if _is_own(records, tenant_id):
        return Invited(InviteStatus.SKIPPED)
    invite = known.value if known and known.value.status != CLAIMED else None
    if tenant and _is_connected(tenant.value):
        return Invited(InviteStatus.ACTIVE, invite)
    if invite and invite.status == PENDING and invite.expires_at > cause.at:
        return Invited(InviteStatus.PENDING, invite)
    return None


def _is_own(records: TenantRecords, tenant_id: TenantId) -> bool:
    """Return whether a tenant is the MSP's own, which needs no GDAP.

    The partner app's tenant counts already before its consent makes it the partner tenant.
    """
    slot = records.head.slot
    home = records.head.msp.value.app.tenant_id
    return tenant_id in {home, slot.value.tenant_id if slot else None}


def _is_connected(tenant: Tenant) -> bool:
    lost = tenant.connection_lost_at is not None
    return tenant.status is not TenantStatus.OFFBOARDED and not lost


def _is_claimed(records: TenantRecords, cause: Cause) -> bool:
    known = records.invite
    return bool(known and known.value.status == CLAIMED and known.value.expires_at > cause.at)


async def _claim(
    msps: MspStore, records: TenantRecords, invitation: Invitation, cause: Cause
) -> bool:
    claim = GdapInvite(
        msp_id=records.head.msp.value.msp_id,
        tenant_id=invitation.tenant_id,
        display_name=invitation.display_name,
        relationship_id="",
        status=CLAIMED,
        invite_url="",
        expires_at=cause.at + _CLAIM,
        created_at=cause.at,
    )
    try:
        await msps.commit((write(claim, records.invite),))
    except ConcurrentChange:
        return False
    return True


async def _create(ports: GdapPorts, msp: Msp, invitation: Invitation, cause: Cause) -> Invited:
    tenant_id = invitation.tenant_id
    try:
        relationship = await ports.gdap.invite(
            msp, tenant_id, invitation.display_name, invitation.duration_days
        )
    except Exception:
        await _remove_claim(ports.msps, msp, tenant_id)
        raise
    return await decide_and_commit(
        lambda: _read(ports.msps, msp, tenant_id),
        lambda records: _decide_invite(records, invitation, relationship, cause),
        ports.msps.commit,
    )


async def _remove_claim(msps: MspStore, msp: Msp, tenant_id: TenantId) -> None:
    """Remove the claim; an invite that has replaced it stays."""
    known = (await msps.tenant_records(msp.msp_id, tenant_id)).invite
    if known and known.value.status == CLAIMED:
        with suppress(ConcurrentChange):
            await msps.commit((Remove(known.value, known.version),))


def _decide_invite(
    records: TenantRecords, invitation: Invitation, relationship: Relationship, cause: Cause
) -> Decision[Invited]:
    """Decide what to store of a relationship that Microsoft has created.

    The poll may have recorded another one in the meantime, which the customer accepted: that one
    is kept. If the tenant has become the MSP's own, no invite is kept.
    """
    known = records.invite
    if _is_own(records, invitation.tenant_id):
        removal = (Remove(known.value, known.version),) if known else ()
        return Decision(Invited(InviteStatus.SKIPPED), removal)
    if known and known.value.status != CLAIMED:
        invited = _already_invited(records, invitation.tenant_id, cause)
        if invited:
            return Decision(invited)
    return _new_invite(records, invitation, relationship, cause)


def _new_invite(
    records: TenantRecords, invitation: Invitation, relationship: Relationship, cause: Cause
) -> Decision[Invited]:
    invite = GdapInvite(
        msp_id=records.head.msp.value.msp_id,
        tenant_id=invitation.tenant_id,
        display_name=invitation.display_name,
        relationship_id=relationship.relationship_id,
        status=PENDING,
        invite_url=relationship.invite_url,
        expires_at=relationship.expires_at,
        created_at=cause.at,
    )
    event = cause.event(
        invite.msp_id,
        "gdap.invited",
        tenant_id=invite.tenant_id,
        after={"displayName": invite.display_name, "relationshipId": invite.relationship_id},
    )
    row = write(invite, records.invite)
    return Decision(Invited(InviteStatus.CREATED, invite), (row, Insert(event)))
