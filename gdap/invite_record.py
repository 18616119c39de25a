"""The stored invite of a customer, and how the customer's relationships change it."""

from collections.abc import Sequence
from dataclasses import replace

from domain.audit import Cause
from domain.gdap import GdapRelationship, RelationshipState
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange, write
from domain.tenant import GdapInvite, Tenant
from gdap.reconciliation import Change, Reconciliation

# An invite is claimed while its relationship is being created at Microsoft.
CLAIMED, PENDING, ACTIVE = "creating", "pending", "active"


def latest_ending(
    relationships: Sequence[GdapRelationship], state: RelationshipState
) -> GdapRelationship | None:
    """Return the relationship in the state that ends last, or None."""
    found = [relationship for relationship in relationships if relationship.state is state]
    return max(found, key=lambda found: (found.ends_at, found.relationship_id), default=None)


def is_after_removal(records: TenantRecords, relationship: GdapRelationship) -> bool:
    """Return whether the MSP asked for the relationship after it removed the tenant for good.

    An invite on record was made after the removal, which deletes the earlier ones.
    """
    if records.removal is None or _is_pending_invite(records, relationship):
        return True
    return relationship.created_at > records.removal.value.removed_at


def _is_pending_invite(records: TenantRecords, relationship: GdapRelationship) -> bool:
    """Return whether the relationship was created for the invite that is stored as pending."""
    if records.invite is None:
        return False
    invite = records.invite.value
    return invite.status == PENDING and invite.relationship_id == relationship.relationship_id


def name_of(records: TenantRecords, relationship: GdapRelationship) -> str:
    """Return the customer's name: Microsoft's, else the invite's, else the relationship's title."""
    invited = records.invite.value.display_name if records.invite else None
    named = relationship.display_name or invited or relationship.title
    return named or relationship.tenant_id


def describe(invite: GdapInvite) -> dict[str, str]:
    """Return an invite's properties as an audit event shows them."""
    return {
        "relationshipId": invite.relationship_id,
        "status": invite.status,
        "expiresAt": invite.expires_at.isoformat(),
    }


def active_invite(
    records: TenantRecords, tenant: Tenant, relationship: GdapRelationship, cause: Cause
) -> tuple[GdapInvite, tuple[RowChange, ...]]:
    """Return the tenant's invite as accepted, and the row change if it is not stored as that."""
    known = records.invite
    same = known is not None and known.value.relationship_id == relationship.relationship_id
    invite = GdapInvite(
        msp_id=tenant.msp_id,
        tenant_id=tenant.tenant_id,
        display_name=known.value.display_name if known else tenant.display_name,
        relationship_id=relationship.relationship_id,
        status=ACTIVE,
        invite_url=relationship.invite_url,
        expires_at=relationship.ends_at,
        created_at=known.value.created_at if known else cause.at,
        assigned=known.value.assigned if known and same else "",
    )
    if known is not None and invite == known.value:
        return invite, ()
    return invite, (write(invite, known),)


def guard_tenant(records: TenantRecords) -> tuple[RowChange, ...]:
    """Return the row change that fails if the tenant is removed or changed in the meantime.

    It writes the row unchanged. Without it an invite could be written after a hard delete, and
    bring the tenant back.
    """
    known = records.tenant
    return (Replace(known.value, known.version),) if known else ()


def reconcile_invites(
    records: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    """Remove an invite whose relationship ended, or record one made in Partner Center."""
    invite = records.invite
    tenant = records.tenant.value if records.tenant else None
    ended = {r.relationship_id for r in relationships if r.state is RelationshipState.ENDED}
    if invite and invite.value.relationship_id in ended:
        event = _invite_event(invite.value, "gdap.invite_ended", cause)
        return Decision(
            Reconciliation(Change.NOTED, tenant), (Remove(invite.value, invite.version), event)
        )
    pending = latest_ending(relationships, RelationshipState.PENDING)
    if pending and _is_free(records, cause) and is_after_removal(records, pending):
        return _record_pending(records, pending, cause)
    return Decision(Reconciliation(Change.NOTHING, tenant))


def _is_free(records: TenantRecords, cause: Cause) -> bool:
    """Return whether there is neither an invite nor an unexpired claim."""
    invite = records.invite
    if invite is None:
        return True
    return invite.value.status == CLAIMED and invite.value.expires_at <= cause.at


def _record_pending(
    records: TenantRecords, pending: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    invite = GdapInvite(
        msp_id=records.head.msp.value.msp_id,
        tenant_id=pending.tenant_id,
        display_name=name_of(records, pending),
        relationship_id=pending.relationship_id,
        status=PENDING,
        invite_url=pending.invite_url,
        expires_at=pending.ends_at,
        created_at=cause.at,
    )
    row = write(invite, records.invite)
    event = _invite_event(invite, "gdap.noted", cause)
    tenant = records.tenant.value if records.tenant else None
    return Decision(
        Reconciliation(Change.NOTED, tenant, invite), (row, event, *guard_tenant(records))
    )


def _invite_event(invite: GdapInvite, action: str, cause: Cause) -> Insert:
    event = cause.event(invite.msp_id, action, tenant_id=invite.tenant_id, after=describe(invite))
    return Insert(event)


def record_access(
    records: TenantRecords, relationship_id: str, access: str, cause: Cause
) -> Decision[bool]:
    """Decide to record the access that the security groups have been given."""
    known = records.invite
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
