"""Inviting a customer, once: the own tenant is skipped, a known one gets no second invite."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import ConcurrentChange, MspSuspended
from domain.identifiers import TenantId
from domain.msp import Msp
from domain.ports.gdap import Gdap, Relationship
from domain.ports.msp_store import MspStore, TenantRecords
from domain.row_changes import Decision, Insert, Remove, write
from domain.tenant import GdapInvite, Tenant, TenantStatus
from gdap.reconciliation import CLAIMED, PENDING

# How long a claim holds the place of an invite that is being made at Microsoft.
_CLAIM = timedelta(minutes=2)
_LOOKS, _PAUSE = 40, 0.25


class InviteStatus(StrEnum):
    """What an invitation came to."""

    CREATED = "created"
    PENDING = "pending"
    ACTIVE = "active"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Invited:
    """What an invitation came to, with the invite that stands, if any."""

    status: InviteStatus
    invite: GdapInvite | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to invite, and for how long."""

    tenant_id: TenantId
    display_name: str
    duration_days: int


async def invite_customer(  # noqa: PLR0913  who invites whom, why, and by which ports
    msps: MspStore,
    gdap: Gdap,
    msp: Msp,
    invitation: Invitation,
    cause: Cause,
    pause: Callable[[float], Awaitable[None]],
) -> Invited:
    """Invite a customer unless there is nothing to invite to.

    A claim row goes first, so that two clicks at once make one relationship at Microsoft; the
    second waits for what the first gets.

    Raises:
        GdapRefused: Microsoft refuses the relationship; the claim is gone again.
        ConcurrentChange: Another invitation of the tenant does not come to its end.
        MspSuspended: The MSP was deleted meanwhile.
    """
    for _ in range(_LOOKS):
        snapshot = await _look(msps, msp, invitation.tenant_id)
        if standing := _standing(snapshot, invitation.tenant_id, cause):
            return standing
        if not _is_claimed(snapshot, cause) and await _claim(
            msps, msp, snapshot, invitation, cause
        ):
            return await _create(msps, gdap, msp, invitation, cause)
        await pause(_PAUSE)
    raise ConcurrentChange("This tenant is being invited already.")


async def _look(msps: MspStore, msp: Msp, tenant_id: TenantId) -> TenantRecords:
    snapshot = await msps.snapshot(msp.msp_id, tenant_id)
    if snapshot.head.msp.value.closed_at is not None:
        raise MspSuspended("The MSP has been deleted.")
    return snapshot


def _standing(snapshot: TenantRecords, tenant_id: TenantId, cause: Cause) -> Invited | None:
    """Return what makes a new invite needless, if anything does."""
    tenant, known = snapshot.tenant, snapshot.invite
    if _is_own(snapshot, tenant_id):
        return Invited(InviteStatus.SKIPPED)
    invite = known.value if known and known.value.status != CLAIMED else None
    if tenant and _is_connected(tenant.value):
        return Invited(InviteStatus.ACTIVE, invite)
    if invite and invite.status == PENDING and invite.expires_at > cause.at:
        return Invited(InviteStatus.PENDING, invite)
    return None


def _is_own(snapshot: TenantRecords, tenant_id: TenantId) -> bool:
    """Tell whether a tenant is the MSP's own.

    The home tenant becomes the partner tenant with its consent, and needs no GDAP before either.
    """
    slot = snapshot.head.slot
    home = snapshot.head.msp.value.app.tenant_id
    return tenant_id in {home, slot.value.tenant_id if slot else None}


def _is_connected(tenant: Tenant) -> bool:
    lost = tenant.connection_lost_at is not None
    return tenant.status is not TenantStatus.OFFBOARDED and not lost


def _is_claimed(snapshot: TenantRecords, cause: Cause) -> bool:
    known = snapshot.invite
    return bool(known and known.value.status == CLAIMED and known.value.expires_at > cause.at)


async def _claim(
    msps: MspStore, msp: Msp, snapshot: TenantRecords, invitation: Invitation, cause: Cause
) -> bool:
    claim = GdapInvite(
        msp_id=msp.msp_id,
        tenant_id=invitation.tenant_id,
        display_name=invitation.display_name,
        relationship_id="",
        status=CLAIMED,
        invite_url="",
        expires_at=cause.at + _CLAIM,
        created_at=cause.at,
    )
    try:
        await msps.commit((write(claim, snapshot.invite),))
    except ConcurrentChange:
        return False
    return True


async def _create(
    msps: MspStore, gdap: Gdap, msp: Msp, invitation: Invitation, cause: Cause
) -> Invited:
    try:
        relationship = await gdap.invite(
            msp, invitation.tenant_id, invitation.display_name, invitation.duration_days
        )
    except Exception:
        await _give_up(msps, msp, invitation.tenant_id)
        raise
    return await decide_and_commit(
        lambda: _look(msps, msp, invitation.tenant_id),
        lambda snapshot: _decide_invite(snapshot, invitation, relationship, cause),
        msps.commit,
    )


async def _give_up(msps: MspStore, msp: Msp, tenant_id: TenantId) -> None:
    """Take the claim away; what is in its place by now stays."""
    known = (await msps.snapshot(msp.msp_id, tenant_id)).invite
    if known and known.value.status == CLAIMED:
        with suppress(ConcurrentChange):
            await msps.commit((Remove(known.value, known.version),))


def _decide_invite(
    snapshot: TenantRecords, invitation: Invitation, relationship: Relationship, cause: Cause
) -> Decision[Invited]:
    """Decide what is written of a relationship that Microsoft has made.

    The poll may have met another one in the meantime, which the customer accepted: that stands.
    If the tenant has become the MSP's own, nothing does.
    """
    known = snapshot.invite
    if _is_own(snapshot, invitation.tenant_id):
        claim = (Remove(known.value, known.version),) if known else ()
        return Decision(Invited(InviteStatus.SKIPPED), claim)
    if known and known.value.status != CLAIMED:
        standing = _standing(snapshot, invitation.tenant_id, cause)
        if standing:
            return Decision(standing)
    invite = GdapInvite(
        msp_id=snapshot.head.msp.value.msp_id,
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
        after={
            "displayName": invite.display_name,
            "relationshipId": invite.relationship_id,
        },
    )
    return Decision(Invited(InviteStatus.CREATED, invite), (write(invite, known), Insert(event)))
