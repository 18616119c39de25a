"""Writes the seed into storage, with the code that operators use."""

from datetime import UTC, datetime, timedelta
from itertools import batched
from zoneinfo import ZoneInfo

from adapters.clock import SystemClock
from adapters.graph.relationships import INVITE
from adapters.invoice_documents import BlobInvoiceDocuments
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.customer_grants import customer_grants
from core.staffing import put_staff
from domain.audit import SYSTEM, Cause
from domain.identifiers import MspId, ObjectId, TenantId, new_epoch
from domain.lifecycle import first_usage
from domain.msp import Msp
from domain.roles import Role, StaffMember
from domain.row_changes import Insert, RowChange
from domain.tenant import AppConsent, GdapInvite, Tenant, TenantStatus
from local.sample_data import MSPS, SeedMsp, SeedTenant
from ops.onboarding import Application, Owner, check, onboard
from ops.staff import add_sign_in_tenant

_ROWS_A_TENANT = 4
_TENANTS_AT_ONCE = 100 // _ROWS_A_TENANT


async def seed(connection_string: str) -> None:
    """Create tables and queues, and onboard the seed's MSPs unless they exist."""
    storage = Storage.connect(connection_string)
    queues = StorageQueues.connect(connection_string)
    documents = BlobInvoiceDocuments.connect(connection_string)
    try:
        await storage.create_tables()
        await queues.create_queues()
        await documents.create_container()
        for msp in MSPS:
            if await storage.msps.head(MspId(msp.msp_id)) is None:
                await _add(storage, msp)
    finally:
        await storage.close()
        await queues.close()
        await documents.close()


async def _add(storage: Storage, seed_msp: SeedMsp) -> None:
    since = _first_of_month_before_last(seed_msp.time_zone)
    owner = seed_msp.staff[0]
    msp = check(
        Application(
            name=seed_msp.name,
            country=seed_msp.country,
            abn=seed_msp.abn,
            tier=seed_msp.tier,
            agreed_price_cents=None,
            time_zone=seed_msp.time_zone,
            client_id=seed_msp.client_id,
            app_tenant_id=seed_msp.own.tenant_id,
            credential=seed_msp.credential,
            service_account=seed_msp.service_account,
            security_groups=(seed_msp.security_group,),
            msp_id=seed_msp.msp_id,
        ),
        since,
    )
    await onboard(storage.msps, storage.staff_index, msp, Owner(owner.tid, owner.oid, owner.name))
    cause = Cause(SYSTEM, since, "seed")
    for tenant in seed_msp.sign_in_tenants:
        await add_sign_in_tenant(storage.msps, msp.msp_id, TenantId(tenant.tenant_id), cause)
    await _add_staff(storage, seed_msp)
    for customers in batched(seed_msp.customers, _TENANTS_AT_ONCE, strict=False):
        operations = [op for c in customers for op in _customer(seed_msp, msp, c, cause)]
        await storage.msps.commit(operations)


async def _add_staff(storage: Storage, seed_msp: SeedMsp) -> None:
    cause = Cause(SYSTEM, SystemClock().now(), "seed")
    for staff in seed_msp.staff[1:]:
        member = StaffMember(
            MspId(seed_msp.msp_id),
            TenantId(staff.tid),
            ObjectId(staff.oid),
            Role(staff.role),
            staff.name,
        )
        await put_staff(storage.msps, storage.staff_index, member, cause)


def _customer(seed_msp: SeedMsp, msp: Msp, customer: SeedTenant, cause: Cause) -> list[RowChange]:
    tenant = Tenant(
        msp_id=msp.msp_id,
        tenant_id=TenantId(customer.tenant_id),
        epoch=new_epoch(),
        display_name=customer.display_name,
        primary_domain=customer.domain,
        is_own_msp_tenant=False,
        status=TenantStatus.ACTIVE,
        created_at=cause.at,
        app_consent=AppConsent(version=customer_grants(msp.app).version, at=cause.at),
    )
    event = cause.event(msp.msp_id, "tenant.onboarded", tenant_id=tenant.tenant_id)
    relationship_id = seed_msp.relationship_id(customer)
    invite = GdapInvite(
        msp_id=msp.msp_id,
        tenant_id=tenant.tenant_id,
        display_name=customer.display_name,
        relationship_id=relationship_id,
        status="active",
        invite_url=INVITE + relationship_id,
        expires_at=cause.at + timedelta(days=730),
        created_at=cause.at,
        assigned=msp.app.access,
    )
    return [Insert(tenant), Insert(first_usage(tenant, cause)), Insert(event), Insert(invite)]


def _first_of_month_before_last(time_zone: str) -> datetime:
    now = datetime.now(ZoneInfo(time_zone))
    months = now.year * 12 + now.month - 1 - 2
    first = datetime(months // 12, months % 12 + 1, 1, tzinfo=ZoneInfo(time_zone))
    return first.astimezone(UTC)
