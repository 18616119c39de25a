"""A Microsoft 365 tenant that an MSP manages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.identifiers import Epoch, MspId, TenantId, TenantRef


class TenantStatus(StrEnum):
    """Where a tenant stands in its lifecycle."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    OFFBOARDED = "offboarded"


class TenantScope(StrEnum):
    """Which tenants a list or a roll-up is over."""

    ALL = "all"
    CUSTOMERS = "customers"
    PARTNER = "partner"


class TenantConnection(StrEnum):
    """How Microsoft Graph is reached for a tenant."""

    CLIENT_CREDENTIALS = "client_credentials"
    GDAP = "gdap"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant row. One per MSP and tenant ID, since that is its key.

    Args:
        is_own_msp_tenant: The flag; only consent, enable and disable write it.
        offboarded_at: When it was offboarded; None while it is not.
        connection_lost_at: When its GDAP relationship was met as ended; None while it stands.
        connection_lost_reason: How the relationship ended: `expired` or `terminated`.
    """

    msp_id: MspId
    tenant_id: TenantId
    epoch: Epoch
    display_name: str
    primary_domain: str | None
    is_own_msp_tenant: bool
    status: TenantStatus
    created_at: datetime
    notes: str | None = None
    offboarded_at: datetime | None = None
    connection_lost_at: datetime | None = None
    connection_lost_reason: str | None = None

    @property
    def is_synced(self) -> bool:
        """Whether it is active and can be reached."""
        return self.status is TenantStatus.ACTIVE and self.connection_lost_at is None

    @property
    def is_billed(self) -> bool:
        """Whether time counts as usage: never the partner tenant's."""
        return self.is_synced and not self.is_own_msp_tenant

    @property
    def ref(self) -> TenantRef:
        """The key of all that this life of the tenant owns."""
        return TenantRef(self.msp_id, self.tenant_id, self.epoch)

    @property
    def connection(self) -> TenantConnection:
        """Client credentials for the MSP's own tenant, GDAP for a customer's."""
        return (
            TenantConnection.CLIENT_CREDENTIALS if self.is_own_msp_tenant else TenantConnection.GDAP
        )

    @property
    def badge(self) -> str | None:
        """What the portal shows beside the name."""
        return "Partner tenant" if self.is_own_msp_tenant else None


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A tenant as the portfolio names it."""

    ref: TenantRef
    display_name: str
    is_own_msp_tenant: bool
    status: TenantStatus

    @classmethod
    def of(cls, tenant: Tenant) -> "ListedTenant":
        """Return what the portfolio names of a tenant."""
        return cls(tenant.ref, tenant.display_name, tenant.is_own_msp_tenant, tenant.status)


@dataclass(frozen=True, slots=True)
class PartnerTenantClaim:
    """Which tenant is the MSP's partner tenant. One row per MSP, so a second one conflicts."""

    msp_id: MspId
    tenant_id: TenantId


@dataclass(frozen=True, slots=True)
class Organization:
    """What Microsoft Identity and Graph say of a tenant that consented.

    Args:
        primary_domain: The verified domain with `isDefault`, else `isInitial`.
        permissions: The application permissions that the app's token claims.
    """

    tenant_id: TenantId
    display_name: str
    primary_domain: str | None
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GdapInvite:
    """A GDAP relationship that the MSP asked a customer for.

    Args:
        status: `pending` until accepted, then `active`.
        invite_url: The page on which the customer's admin accepts.
        expires_at: When the invite ends, or the relationship once it is accepted.
        assigned: The access that the MSP's security groups have been given, as
            `PartnerApp.access` names it; empty before.
    """

    msp_id: MspId
    tenant_id: TenantId
    display_name: str
    relationship_id: str
    status: str
    invite_url: str
    expires_at: datetime
    created_at: datetime
    assigned: str = ""


@dataclass(frozen=True, slots=True)
class TenantRemoval:
    """When a tenant was last removed for good: what was agreed before then brings it not back."""

    msp_id: MspId
    tenant_id: TenantId
    removed_at: datetime
