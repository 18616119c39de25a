"""Reconciling a tenant with its customer's relationships. Pure decisions."""

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
    ACTIVE,
    CLAIMED,
    active_invite,
    describe,
    guard_tenant,
    is_after_removal,
    latest_ending,
    name_of,
    reconcile_invites,
)
from gdap.reconciliation import Change, Reconciliation


def reconcile(
    records: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    """Decide how one customer's relationships, all of them, change the MSP's tenant.

    Each change happens once, in whatever order events arrive and however often this runs.
    """
    if records.head.msp.value.closed_at is not None:
        return Decision(Reconciliation(Change.NOTHING))
    if _is_own(records, relationships[0]):
        return _skip(records, cause)
    if not any(found.state is RelationshipState.ACTIVE for found in relationships):
        return _reconcile_none_active(records, relationships, cause)
    relevant = [found for found in relationships if _is_relevant(records, found)]
    active = latest_ending(relevant, RelationshipState.ACTIVE)
    if active is None:
        return reconcile_invites(records, relationships, cause)
    return _reconcile_active(records, active, cause)


def _is_relevant(records: TenantRecords, relationship: GdapRelationship) -> bool:
    """Return whether a relationship can change the tenant as it is now.

    A relationship from before a removal or an offboarding does not undo it, however long it runs.
    """
    known = records.tenant
    if known is None:
        return is_after_removal(records, relationship)
    if known.value.status is TenantStatus.OFFBOARDED:
        return _is_after_offboarding(known.value, relationship)
    return True


def _is_own(records: TenantRecords, relationship: GdapRelationship) -> bool:
    """Return whether the relationship is with the MSP's own tenant, which needs no GDAP.

    Before consent there is no partner tenant. The partner app's tenant will become it, so it
    never becomes a customer here: an MSP is not billed for its own tenant.
    """
    slot = records.head.slot
    if slot and slot.value.tenant_id == relationship.tenant_id:
        return True
    home = records.head.msp.value.app.tenant_id
    return records.tenant is None and relationship.tenant_id == home


def _skip(records: TenantRecords, cause: Cause) -> Decision[Reconciliation]:
    """Leave the own tenant alone; remove an invite from before it was the partner tenant."""
    invite, tenant = records.invite, records.tenant
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
    records: TenantRecords, relationship: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    known = records.tenant
    if known is None:
        return _accept(records, relationship, cause)
    is_offboarded = known.value.status is TenantStatus.OFFBOARDED
    if is_offboarded or known.value.connection_lost_at is not None:
        return _bring_back(records, known, relationship, cause)
    return _record_active(records, known.value, relationship, cause)


def _is_after_offboarding(tenant: Tenant, relationship: GdapRelationship) -> bool:
    """Return whether the customer accepted after the MSP offboarded the tenant.

    Offboarding does not end the relationship at Microsoft, so one that is still active is not
    enough to undo it.
    """
    accepted, offboarded = relationship.activated_at, tenant.offboarded_at
    return accepted is not None and offboarded is not None and accepted > offboarded


def _accept(
    records: TenantRecords, relationship: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    tenant = Tenant(
        msp_id=records.head.msp.value.msp_id,
        tenant_id=relationship.tenant_id,
        epoch=new_epoch(),
        display_name=name_of(records, relationship),
        primary_domain=None,
        is_own_msp_tenant=False,
        status=TenantStatus.ACTIVE,
        created_at=cause.at,
    )
    invite, invite_rows = active_invite(records, tenant, relationship, cause)
    operations = new_tenant_rows(tenant, records, "gdap.accepted", cause) + invite_rows
    return Decision(Reconciliation(Change.ACCEPTED, tenant, invite, relationship), operations)


def _bring_back(
    records: TenantRecords,
    known: Versioned[Tenant],
    relationship: GdapRelationship,
    cause: Cause,
) -> Decision[Reconciliation]:
    """Reactivate a tenant that was offboarded, or reconnect one whose connection was lost."""
    change = Change.RECONNECTED
    # The customer may have removed the partner app together with the relationship.
    tenant = replace(
        known.value, connection_lost_at=None, connection_lost_reason=None, app_consent=None
    )
    if tenant.status is TenantStatus.OFFBOARDED:
        change = Change.REACTIVATED
        tenant = replace(tenant, status=TenantStatus.ACTIVE, offboarded_at=None)
    invite, invite_rows = active_invite(records, tenant, relationship, cause)
    operations = tenant_changes(known, tenant, records, f"gdap.{change}", cause)
    return Decision(Reconciliation(change, tenant, invite, relationship), operations + invite_rows)


def _record_active(
    records: TenantRecords, tenant: Tenant, relationship: GdapRelationship, cause: Cause
) -> Decision[Reconciliation]:
    """Record a relationship that was created or extended outside this app."""
    invite, invite_rows = active_invite(records, tenant, relationship, cause)
    if not invite_rows:
        return Decision(Reconciliation(Change.NOTHING, tenant, invite, relationship))
    before = records.invite.value if records.invite else None
    event = cause.event(
        tenant.msp_id,
        "gdap.noted",
        tenant_id=tenant.tenant_id,
        before=describe(before) if before else None,
        after=describe(invite),
    )
    operations = (*invite_rows, Insert(event), *guard_tenant(records))
    return Decision(Reconciliation(Change.NOTED, tenant, invite, relationship), operations)


def _reconcile_none_active(
    records: TenantRecords, relationships: Sequence[GdapRelationship], cause: Cause
) -> Decision[Reconciliation]:
    known, ended = records.tenant, latest_ending(relationships, RelationshipState.ENDED)
    if known is None or ended is None or _is_disconnected(known.value):
        return reconcile_invites(records, relationships, cause)
    lost = replace(known.value, connection_lost_at=cause.at, connection_lost_reason=ended.status)
    operations = tenant_changes(known, lost, records, "gdap.lost", cause)
    # An accepted invite is removed, so that the customer can be invited again; a pending one stays.
    if records.invite and records.invite.value.status == ACTIVE:
        operations += (Remove(records.invite.value, records.invite.version),)
    return Decision(Reconciliation(Change.LOST, lost), operations)


def _is_disconnected(tenant: Tenant) -> bool:
    lost = tenant.connection_lost_at is not None
    return lost or tenant.status is TenantStatus.OFFBOARDED
