"""The partner tenant's rules: enable, convert, disable. Pure decisions on tenant records."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from domain.audit import Cause
from domain.billing_account import BillingAccount, next_month
from domain.errors import MspSuspended, NoPartnerTenant, PartnerTenantExists
from domain.identifiers import new_epoch
from domain.ports.msp_store import TenantRecords
from domain.removal import removal_row
from domain.row_changes import Decision, Insert, Remove, Replace, RowChange, Versioned, write
from domain.tenant import Organization, PartnerTenantClaim, Tenant, TenantStatus


class Enabling(StrEnum):
    """The result of enabling."""

    CREATED = "created"
    CONVERTED = "converted"
    ALREADY = "already"
    EXISTING_CUSTOMER = "existing_customer"


@dataclass(frozen=True, slots=True)
class Enabled:
    """The tenant after enabling, and the result of enabling."""

    enabling: Enabling
    tenant: Tenant


def describe(tenant: Tenant) -> dict[str, Any]:
    """Return the fields of a tenant that an audit event contains."""
    return {
        "displayName": tenant.display_name,
        "primaryDomain": tenant.primary_domain,
        "is_own_msp_tenant": tenant.is_own_msp_tenant,
        "connection": str(tenant.connection),
        "status": str(tenant.status),
        "connectionLost": tenant.connection_lost_reason,
    }


def refuse_second(records: TenantRecords, tenant_id: str) -> None:
    """Refuse a second partner tenant, and any partner tenant of a deleted MSP.

    Raises:
        PartnerTenantExists: Another tenant is the partner tenant.
        MspSuspended: The MSP was deleted, for example while a consent was in progress.
    """
    if records.head.msp.value.closed_at is not None:
        raise MspSuspended("The MSP has been deleted.")
    slot = records.head.slot
    if slot and slot.value.tenant_id != tenant_id:
        raise PartnerTenantExists("The MSP has another partner tenant already.")


def enable(
    records: TenantRecords, organization: Organization, cause: Cause, *, convert: bool
) -> Decision[Enabled]:
    """Decide how a tenant that gave its consent becomes the partner tenant.

    Args:
        convert: Whether a customer of this ID is converted (manual enable) or left (consent).

    Raises:
        PartnerTenantExists: Another tenant is the partner tenant.
    """
    refuse_second(records, organization.tenant_id)
    known = records.tenant
    if known is None:
        return _create(records, organization, cause)
    if known.value.is_own_msp_tenant:
        return Decision(Enabled(Enabling.ALREADY, known.value))
    if not convert:
        return Decision(Enabled(Enabling.EXISTING_CUSTOMER, known.value))
    return _convert(records, known, organization, cause)


def _create(records: TenantRecords, organization: Organization, cause: Cause) -> Decision[Enabled]:
    msp_id = records.head.msp.value.msp_id
    tenant = Tenant(
        msp_id=msp_id,
        tenant_id=organization.tenant_id,
        epoch=new_epoch(),
        display_name=organization.display_name,
        primary_domain=organization.primary_domain,
        is_own_msp_tenant=True,
        status=TenantStatus.ACTIVE,
        created_at=cause.at,
    )
    event = cause.event(
        msp_id, "tenant.enabled", tenant_id=tenant.tenant_id, after=describe(tenant)
    )
    slot = PartnerTenantClaim(msp_id, tenant.tenant_id)
    operations: tuple[RowChange, ...] = (Insert(tenant), Insert(slot), Insert(event))
    return Decision(Enabled(Enabling.CREATED, tenant), operations + _without_unbilled(records))


def _convert(
    records: TenantRecords, known: Versioned[Tenant], organization: Organization, cause: Cause
) -> Decision[Enabled]:
    before = known.value
    tenant = replace(
        before,
        is_own_msp_tenant=True,
        status=TenantStatus.ACTIVE,
        primary_domain=organization.primary_domain,
        offboarded_at=None,
        connection_lost_at=None,
        connection_lost_reason=None,
        app_consent=None,
    )
    event = cause.event(
        tenant.msp_id,
        "tenant.converted",
        tenant_id=tenant.tenant_id,
        before=describe(before),
        after=describe(tenant),
    )
    operations: tuple[RowChange, ...] = (
        Replace(tenant, known.version),
        Insert(PartnerTenantClaim(tenant.msp_id, tenant.tenant_id)),
        Insert(event),
    )
    return Decision(Enabled(Enabling.CONVERTED, tenant), operations + _without_unbilled(records))


def _without_unbilled(records: TenantRecords) -> tuple[RowChange, ...]:
    """Drop the usage that is not invoiced yet: the partner tenant is free, also once disabled.

    The billing account is replaced as well. So an invoice that is being issued at the same time
    is either committed before the conversion or takes it into account.
    """
    known, head = records.usage, records.head
    if known is None:
        return ()
    msp, account = head.msp.value, head.account
    billed = next_month(msp, account.value if account else None).plus(-1)
    kept = known.value.until(billed.end(ZoneInfo(msp.time_zone)))
    usage = Replace(kept, known.version) if kept.periods else Remove(kept, known.version)
    same = account.value if account else BillingAccount(msp.msp_id)
    return (usage, write(same, account))


def disable(records: TenantRecords, cause: Cause) -> Decision[Tenant]:
    """Decide the removal of the partner tenant: row, claim and consent record in one transaction.

    Raises:
        NoPartnerTenant: There is none, or it has just been removed.
    """
    slot, known, consent = records.head.slot, records.tenant, records.head.consent
    if not slot or not known or slot.value.tenant_id != known.value.tenant_id:
        raise NoPartnerTenant("The MSP has no partner tenant.")
    event = cause.event(
        known.value.msp_id,
        "tenant.disabled",
        tenant_id=known.value.tenant_id,
        before=describe(known.value),
    )
    operations: tuple[RowChange, ...] = (
        Remove(known.value, known.version),
        Remove(slot.value, slot.version),
        removal_row(records, known.value, cause.at),
        Insert(event),
    )
    if records.invite:
        operations += (Remove(records.invite.value, records.invite.version),)
    # A new consent starts without the old record, and a pending one must not restore the tenant.
    if consent:
        operations += (Remove(consent.value, consent.version),)
    return Decision(known.value, operations)
