"""Sample values of the domain."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.audit import Actor, Cause
from domain.identifiers import Epoch, MspId, ObjectId, TenantId
from domain.msp import Msp, PartnerApp, Tier
from domain.roles import Role, StaffMember
from domain.row_changes import Versioned
from domain.tenant import Organization, Tenant, TenantStatus

NOW = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
CONTOSO = MspId("00000000-0000-4000-8000-00000000000c")
FABRIKAM = MspId("00000000-0000-4000-8000-00000000000f")
OWN = TenantId("11111111-1111-4111-8111-111111111111")
CUSTOMER = TenantId("22222222-2222-4222-8222-222222222222")
OTHER = TenantId("33333333-3333-4333-8333-333333333333")
OWNER_OID = ObjectId("44444444-4444-4444-8444-444444444444")

MSP = Msp(
    msp_id=CONTOSO,
    name="Contoso MSP",
    country="AU",
    abn="51824753556",
    tier=Tier.BUSINESS,
    agreed_price_cents=None,
    annual_prepay=False,
    time_zone="Australia/Sydney",
    onboarded_at=NOW,
    suspended_at=None,
    app=PartnerApp("app", OWN, "partner-app", "service-account"),
    owners=1,
    sign_in_tenants=(OWN,),
)
OWNER = StaffMember(CONTOSO, OWN, OWNER_OID, Role.OWNER, "Adele Vance")
CAUSE = Cause(Actor.staff(OWNER), NOW, "request-1")
ORGANIZATION = Organization(OWN, "Contoso MSP", "contoso.com")


def tenant(tenant_id: TenantId = CUSTOMER, **changes: Any) -> Tenant:
    """Return a customer tenant that is active."""
    base = Tenant(
        msp_id=CONTOSO,
        tenant_id=tenant_id,
        epoch=Epoch(f"epoch-of-{tenant_id[:4]}"),
        display_name="Northwind Traders",
        primary_domain="northwindtraders.com",
        is_own_msp_tenant=False,
        status=TenantStatus.ACTIVE,
        created_at=NOW,
    )
    return replace(base, **changes)


def version[T](known: Versioned[T] | None) -> Versioned[T]:
    """Return a value that must exist."""
    assert known is not None
    return known
