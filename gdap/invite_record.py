"""The invite that stands for a customer, and what the relationships mean for it."""

from collections.abc import Sequence
from dataclasses import replace

from domain.audit import Cause
from domain.gdap import GdapRelationship, RelationshipState
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange
from domain.tenant import GdapInvite, Tenant
from gdap.reconciliation import ACTIVE, CLAIMED, PENDING, Change, Reconciliation


def latest_ending(
    relationships: Sequence[GdapRelationship], state: RelationshipState
) -> GdapRelationship | None:
    """Return the one in the state that ends last."""
    found = [relationship for relationship in relationships if relationship.state is state]
    return max(found, key=lambda found: (found.ends_at, found.relationship_id), default=None)


def is_after_removal(snapshot: TenantRecords, active: GdapRelationship) -> bool:
    """Tell whether the MSP asked for the relationship since the tenant was removed for good.

    A standing invite was made since: the removal takes those before it along.
    """
    if snapshot.removal is None or is_invited(snapshot, active):
        return True
    return active.created_at > snapshot.removal.value.removed_at


def is_invited(snapshot: TenantRecords, active: GdapRelationship) -> bool:
    """Tell whether it is our own invite, which was pending until now."""
    if snapshot.invite is None:
        return False
    invite = snapshot.invite.value
    return invite.status == PENDING and invite.relationship_id == active.relationship_id


def name_of(snapshot: TenantRecords, relationship: GdapRelationship) -> str:
    """Return what a customer is called: by Microsoft, by our own invite, or by the relationship."""
    invited = snapshot.invite.value.display_name if snapshot.invite else None
    named = relationship.display_name or invited or relationship.title
    return named or relationship.tenant_id


def describe(invite: GdapInvite) -> dict[str, str]:
    """Return what an audit event says of an invite."""
    return {
        "relationshipId": invite.relationship_id,
        "status": invite.status,
        "expiresAt": invite.expires_at.isoformat(),
    }


def active_invite(
    snapshot: TenantRecords, tenant: Tenant, active: GdapRelationship, cause: Cause
) -> tuple[GdapInvite, tuple[RowChange, ...]]:
    """Return the tenant's invite as an accepted one, and what writes it if it is not yet so."""
    known = snapshot.invite
    same = known is not None and known.value.relationship_id == active.relationship_id
    invite = GdapInvite(
        msp_id=tenant.msp_id,
        tenant_id=tenant.tenant_id,
        display_name=known.value.display_name if known else tenant.display_name,
        relationship_id=active.relationship_id,
        status=ACTIVE,
        invite_url=active.invite_url,
        expires_at=active.ends_at,
        created_at=known.value.created_at if known else cause.at,
        assigned=known.value.assigned if known and same else "",
    )
    if known is None:
        return invite, (Insert(invite),)
    return invite, () if invite == known.value else (Replace(invite, known.version),)


def guard_tenant(snapshot: TenantRecords) -> tuple[RowChange, ...]:
    """Return what stops a write that goes with the tenant once the tenant is removed or changed.

    The row is written as it is: an invite that outlived a hard delete would undo it.
    """
    known = snapshot.tenant
    return (Replace(known.value, known.version),) if known else ()


def reconcile_invites(
    snapshot: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    """Take away an invite that came to nothing, or note one that was made in Partner Center."""
    invite = snapshot.invite
    tenant = snapshot.tenant.value if snapshot.tenant else None
    ended = {r.relationship_id for r in relationships if r.state is RelationshipState.ENDED}
    if invite and invite.value.relationship_id in ended:
        event = _invite_event(invite.value, "gdap.invite_ended", cause)
        return Decision(
            Reconciliation(Change.NOTED, tenant), (Remove(invite.value, invite.version), event)
        )
    pending = latest_ending(relationships, RelationshipState.PENDING)
    if pending and _is_free(snapshot, cause) and is_after_removal(snapshot, pending):
        return _note_pending(snapshot, pending, cause)
    return Decision(Reconciliation(Change.NOTHING, tenant))


def _is_free(snapshot: TenantRecords, cause: Cause) -> bool:
    """Tell whether no invite stands, nor is being made by somebody who is still alive."""
    invite = snapshot.invite
    if invite is None:
        return True
    return invite.value.status == CLAIMED and invite.value.expires_at <= cause.at


def _note_pending(
    snapshot: TenantRecords, pending: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    known = snapshot.invite
    invite = GdapInvite(
        msp_id=snapshot.head.msp.value.msp_id,
        tenant_id=pending.tenant_id,
        display_name=name_of(snapshot, pending),
        relationship_id=pending.relationship_id,
        status=PENDING,
        invite_url=pending.invite_url,
        expires_at=pending.ends_at,
        created_at=cause.at,
    )
    row: RowChange = Replace(invite, known.version) if known else Insert(invite)
    event = _invite_event(invite, "gdap.noted", cause)
    tenant = snapshot.tenant.value if snapshot.tenant else None
    return Decision(
        Reconciliation(Change.NOTED, tenant, invite), (row, event, *guard_tenant(snapshot))
    )


def _invite_event(invite: GdapInvite, action: str, cause: Cause) -> Insert:
    event = cause.event(invite.msp_id, action, tenant_id=invite.tenant_id, after=describe(invite))
    return Insert(event)


def assigned(
    snapshot: TenantRecords, relationship_id: str, access: str, cause: Cause
) -> Decision[bool]:
    """Decide to write down that the security groups have their access."""
    known = snapshot.invite
    if known is None or known.value.relationship_id != relationship_id:
        return Decision(result=False)
    if known.value.assigned == access:
        return Decision(result=False)
    event = cause.event(
        known.value.msp_id,
        "gdap.assigned",
        tenant_id=known.value.tenant_id,
        after={"relationshipId": relationship_id, "access": access},
    )
    row = Replace(replace(known.value, assigned=access), known.version)
    return Decision(result=True, operations=(row, Insert(event)))
