"""Meeting a customer's relationships: what they mean for the tenant. Pure decisions."""

from collections.abc import Sequence
from dataclasses import replace

from domain.audit import Cause
from domain.gdap import GdapRelationship, RelationshipState
from domain.identifiers import new_epoch
from domain.lifecycle import new_tenant_rows, tenant_changes
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Decision, Insert, Remove, Versioned
from domain.tenant import Tenant, TenantStatus
from gdap.invite_record import (
    active_invite,
    describe,
    guard_tenant,
    is_after_removal,
    latest_ending,
    name_of,
    reconcile_invites,
)
from gdap.reconciliation import ACTIVE, CLAIMED, Change, Reconciliation


def reconcile(
    snapshot: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    """Decide what one customer's relationships, all of them, mean for the MSP's tenant.

    Whatever the order of events, and however often it is decided, each change happens once.
    """
    if snapshot.head.msp.value.closed_at is not None:
        return Decision(Reconciliation(Change.NOTHING))
    if _is_own(snapshot, relationships[0]):
        return _skip(snapshot, cause)
    if not any(found.state is RelationshipState.ACTIVE for found in relationships):
        return _reconcile_none_active(snapshot, relationships, cause)
    counting = [found for found in relationships if _counts(snapshot, found)]
    active = latest_ending(counting, RelationshipState.ACTIVE)
    if active is None:
        return reconcile_invites(snapshot, relationships, cause)
    return _reconcile_active(snapshot, active, cause)


def _counts(snapshot: TenantRecords, relationship: GdapRelationship) -> bool:
    """Tell whether a relationship means something for the tenant as it is now.

    One from before a removal, or before an offboarding, undoes neither, however long it runs.
    """
    known = snapshot.tenant
    if known is None:
        return is_after_removal(snapshot, relationship)
    if known.value.status is TenantStatus.OFFBOARDED:
        return _is_after_offboarding(known.value, relationship)
    return True


def _is_own(snapshot: TenantRecords, relationship: GdapRelationship) -> bool:
    """Tell whether it is with the MSP itself, which manages its own tenant without GDAP.

    Before consent there is no partner tenant yet. The tenant of the partner app is the one that
    becomes it, so it never becomes a customer here: nobody is to be billed for their own tenant.
    """
    slot = snapshot.head.slot
    if slot and slot.value.tenant_id == relationship.tenant_id:
        return True
    home = snapshot.head.msp.value.app.tenant_id
    return snapshot.tenant is None and relationship.tenant_id == home


def _skip(snapshot: TenantRecords, cause: Cause) -> Decision[Reconciliation]:
    """Leave the own tenant alone; an invite from before it was the partner tenant goes."""
    invite, tenant = snapshot.invite, snapshot.tenant
    if invite is None or tenant is None or invite.value.status == CLAIMED:
        return Decision(Reconciliation(Change.NOTHING))
    event = cause.event(
        tenant.value.msp_id,
        "gdap.skipped",
        tenant_id=tenant.value.tenant_id,
        before={"relationshipId": invite.value.relationship_id},
    )
    return Decision(
        Reconciliation(Change.NOTED), (Remove(invite.value, invite.version), Insert(event))
    )


def _reconcile_active(
    snapshot: TenantRecords, active: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    known = snapshot.tenant
    if known is None:
        return _accept(snapshot, active, cause)
    if known.value.status is TenantStatus.OFFBOARDED:
        back = replace(_connected(known.value), status=TenantStatus.ACTIVE, offboarded_at=None)
        return _bring_back(snapshot, known, back, active, Change.REACTIVATED, cause)
    if known.value.connection_lost_at is not None:
        back = _connected(known.value)
        return _bring_back(snapshot, known, back, active, Change.RECONNECTED, cause)
    return _note(snapshot, known.value, active, cause)


def _is_after_offboarding(tenant: Tenant, active: GdapRelationship) -> bool:
    """Tell whether the customer accepted since the MSP offboarded the tenant.

    Offboarding leaves the relationship at Microsoft as it is; that it still stands undoes nothing.
    """
    accepted, offboarded = active.activated_at, tenant.offboarded_at
    return accepted is not None and offboarded is not None and accepted > offboarded


def _connected(tenant: Tenant) -> Tenant:
    return replace(tenant, connection_lost_at=None, connection_lost_reason=None)


def _accept(
    snapshot: TenantRecords, active: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    tenant = Tenant(
        msp_id=snapshot.head.msp.value.msp_id,
        tenant_id=active.tenant_id,
        epoch=new_epoch(),
        display_name=name_of(snapshot, active),
        primary_domain=None,
        is_own_msp_tenant=False,
        status=TenantStatus.ACTIVE,
        created_at=cause.at,
    )
    invite, written = active_invite(snapshot, tenant, active, cause)
    operations = new_tenant_rows(tenant, snapshot, "gdap.accepted", cause) + written
    return Decision(Reconciliation(Change.ACCEPTED, tenant, invite, active), operations)


def _bring_back(  # noqa: PLR0913  what it was, what it becomes, and why
    snapshot: TenantRecords,
    known: Versioned[Tenant],
    back: Tenant,
    active: GdapRelationship,
    change: Change,
    cause: Cause,
) -> Decision[Reconciliation]:
    invite, written = active_invite(snapshot, back, active, cause)
    operations = tenant_changes(known, back, snapshot, f"gdap.{change}", cause)
    return Decision(Reconciliation(change, back, invite, active), operations + written)


def _note(
    snapshot: TenantRecords, tenant: Tenant, active: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    """Write down a relationship that was made or prolonged without us."""
    invite, written = active_invite(snapshot, tenant, active, cause)
    if not written:
        return Decision(Reconciliation(Change.NOTHING, tenant, invite, active))
    before = snapshot.invite.value if snapshot.invite else None
    event = cause.event(
        tenant.msp_id,
        "gdap.noted",
        tenant_id=tenant.tenant_id,
        before=describe(before) if before else None,
        after=describe(invite),
    )
    operations = (*written, Insert(event), *guard_tenant(snapshot))
    return Decision(Reconciliation(Change.NOTED, tenant, invite, active), operations)


def _reconcile_none_active(
    snapshot: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    known, ended = snapshot.tenant, latest_ending(relationships, RelationshipState.ENDED)
    if known is None or ended is None or _is_out_of_reach(known.value):
        return reconcile_invites(snapshot, relationships, cause)
    lost = replace(known.value, connection_lost_at=cause.at, connection_lost_reason=ended.status)
    operations = tenant_changes(known, lost, snapshot, "gdap.lost", cause)
    # The accepted invite goes, so that the customer can be invited anew; a pending one stays.
    if snapshot.invite and snapshot.invite.value.status == ACTIVE:
        operations += (Remove(snapshot.invite.value, snapshot.invite.version),)
    return Decision(Reconciliation(Change.LOST, lost), operations)


def _is_out_of_reach(tenant: Tenant) -> bool:
    lost = tenant.connection_lost_at is not None
    return lost or tenant.status is TenantStatus.OFFBOARDED
