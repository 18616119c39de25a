"""Meeting a customer's relationships: what they mean for the tenant. Pure decisions."""

from collections.abc import Sequence
from dataclasses import replace

from domain.audit import Cause
from domain.changes import Decision, Insert, Remove, Versioned
from domain.gdap import GdapRelationship, RelationshipState
from domain.identifiers import new_epoch
from domain.lifecycle import added, changed
from domain.ports import Snapshot
from domain.tenant import Tenant, TenantStatus
from gdap.met import ACTIVE, CLAIMED, Meeting, Met
from gdap.standing_invite import (
    active_invite,
    describe,
    guard,
    is_after_removal,
    last,
    meet_invites,
    name_of,
)


def meet(
    snapshot: Snapshot, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Meeting]:
    """Decide what one customer's relationships, all of them, mean for the MSP's tenant.

    Whatever the order of events, and however often it is decided, each change happens once.
    """
    if snapshot.head.msp.value.closed_at is not None:
        return Decision(Meeting(Met.NOTHING))
    if _is_own(snapshot, relationships[0]):
        return _skip(snapshot, cause)
    if not any(found.state is RelationshipState.LIVE for found in relationships):
        return _meet_none_live(snapshot, relationships, cause)
    counting = [found for found in relationships if _counts(snapshot, found)]
    live = last(counting, RelationshipState.LIVE)
    if live is None:
        return meet_invites(snapshot, relationships, cause)
    return _meet_live(snapshot, live, cause)


def _counts(snapshot: Snapshot, relationship: GdapRelationship) -> bool:
    """Tell whether a relationship means something for the tenant as it is now.

    One from before a removal, or before an offboarding, undoes neither, however long it runs.
    """
    known = snapshot.tenant
    if known is None:
        return is_after_removal(snapshot, relationship)
    if known.value.status is TenantStatus.OFFBOARDED:
        return _is_after_offboarding(known.value, relationship)
    return True


def _is_own(snapshot: Snapshot, relationship: GdapRelationship) -> bool:
    """Tell whether it is with the MSP itself, which manages its own tenant without GDAP.

    Before consent there is no partner tenant yet. The tenant of the partner app is the one that
    becomes it, so it never becomes a customer here: nobody is to be billed for their own tenant.
    """
    slot = snapshot.head.slot
    if slot and slot.value.tenant_id == relationship.tenant_id:
        return True
    home = snapshot.head.msp.value.app.tenant_id
    return snapshot.tenant is None and relationship.tenant_id == home


def _skip(snapshot: Snapshot, cause: Cause) -> Decision[Meeting]:
    """Leave the own tenant alone; an invite from before it was the partner tenant goes."""
    invite, tenant = snapshot.invite, snapshot.tenant
    if invite is None or tenant is None or invite.value.status == CLAIMED:
        return Decision(Meeting(Met.NOTHING))
    event = cause.event(
        tenant.value.msp_id,
        "gdap.skipped",
        tenant_id=tenant.value.tenant_id,
        before={"relationshipId": invite.value.relationship_id},
    )
    return Decision(Meeting(Met.NOTED), (Remove(invite.value, invite.version), Insert(event)))


def _meet_live(snapshot: Snapshot, live: GdapRelationship, cause: Cause) -> Decision[Meeting]:
    known = snapshot.tenant
    if known is None:
        return _accept(snapshot, live, cause)
    if known.value.status is TenantStatus.OFFBOARDED:
        back = replace(_connected(known.value), status=TenantStatus.ACTIVE, offboarded_at=None)
        return _bring_back(snapshot, known, back, live, Met.REACTIVATED, cause)
    if known.value.connection_lost_at is not None:
        back = _connected(known.value)
        return _bring_back(snapshot, known, back, live, Met.RECONNECTED, cause)
    return _note(snapshot, known.value, live, cause)


def _is_after_offboarding(tenant: Tenant, live: GdapRelationship) -> bool:
    """Tell whether the customer accepted since the MSP offboarded the tenant.

    Offboarding leaves the relationship at Microsoft as it is; that it still stands undoes nothing.
    """
    accepted, offboarded = live.activated_at, tenant.offboarded_at
    return accepted is not None and offboarded is not None and accepted > offboarded


def _connected(tenant: Tenant) -> Tenant:
    return replace(tenant, connection_lost_at=None, connection_lost_reason=None)


def _accept(snapshot: Snapshot, live: GdapRelationship, cause: Cause) -> Decision[Meeting]:
    tenant = Tenant(
        msp_id=snapshot.head.msp.value.msp_id,
        tenant_id=live.tenant_id,
        epoch=new_epoch(),
        display_name=name_of(snapshot, live),
        primary_domain=None,
        is_own_msp_tenant=False,
        status=TenantStatus.ACTIVE,
        created_at=cause.at,
    )
    invite, written = active_invite(snapshot, tenant, live, cause)
    operations = added(tenant, snapshot, "gdap.accepted", cause) + written
    return Decision(Meeting(Met.ACCEPTED, tenant, invite, live), operations)


def _bring_back(  # noqa: PLR0913  what it was, what it becomes, and why
    snapshot: Snapshot,
    known: Versioned[Tenant],
    back: Tenant,
    live: GdapRelationship,
    met: Met,
    cause: Cause,
) -> Decision[Meeting]:
    invite, written = active_invite(snapshot, back, live, cause)
    operations = changed(known, back, snapshot, f"gdap.{met}", cause)
    return Decision(Meeting(met, back, invite, live), operations + written)


def _note(
    snapshot: Snapshot, tenant: Tenant, live: GdapRelationship, cause: Cause
) -> Decision[Meeting]:
    """Write down a relationship that was made or prolonged without us."""
    invite, written = active_invite(snapshot, tenant, live, cause)
    if not written:
        return Decision(Meeting(Met.NOTHING, tenant, invite, live))
    before = snapshot.invite.value if snapshot.invite else None
    event = cause.event(
        tenant.msp_id,
        "gdap.noted",
        tenant_id=tenant.tenant_id,
        before=describe(before) if before else None,
        after=describe(invite),
    )
    operations = (*written, Insert(event), *guard(snapshot))
    return Decision(Meeting(Met.NOTED, tenant, invite, live), operations)


def _meet_none_live(
    snapshot: Snapshot, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Meeting]:
    known, ended = snapshot.tenant, last(relationships, RelationshipState.ENDED)
    if known is None or ended is None or _is_out_of_reach(known.value):
        return meet_invites(snapshot, relationships, cause)
    lost = replace(known.value, connection_lost_at=cause.at, connection_lost_reason=ended.status)
    operations = changed(known, lost, snapshot, "gdap.lost", cause)
    # The accepted invite goes, so that the customer can be invited anew; a pending one stays.
    if snapshot.invite and snapshot.invite.value.status == ACTIVE:
        operations += (Remove(snapshot.invite.value, snapshot.invite.version),)
    return Decision(Meeting(Met.LOST, lost), operations)


def _is_out_of_reach(tenant: Tenant) -> bool:
    lost = tenant.connection_lost_at is not None
    return lost or tenant.status is TenantStatus.OFFBOARDED
