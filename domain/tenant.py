"""A Microsoft 365 tenant that an MSP manages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.identifiers import Epoch, MspId, SessionHash, TenantId, TenantRef


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
class AppConsent:
    """The partner app's consent in a customer's tenant.

    Args:
        version: Version of the app's delegated permissions that was last proven to be consented
            to, as `core.customer_grants` writes it.
        given: Version that Partner Center has accepted but Entra ID does not show yet.
        at: When this was last found.
        refused: Why the current version cannot be consented to, as a stable word; None if it can.
        advice: The same for people, with what to do.
        session: The last session of an administrator's link that has ended.
    """

    version: str | None = None
    given: str | None = None
    at: datetime | None = None
    refused: str | None = None
    advice: str | None = None
    session: SessionHash | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant row. One per MSP and tenant ID, since that is its key.

    Args:
        is_own_msp_tenant: The partner tenant flag; only consent, enable and disable write it.
        offboarded_at: When it was offboarded; None if it is not.
        connection_lost_at: When its GDAP relationship was found to have ended; None otherwise.
        connection_lost_reason: How the relationship ended: `expired` or `terminated`.
        app_consent: The partner app's consent in a customer's tenant, once something is known of
            it; the partner tenant's own is recorded with the MSP.
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
    app_consent: AppConsent | None = None

    @property
    def is_synced(self) -> bool:
        """Whether it is active and can be reached."""
        return self.status is TenantStatus.ACTIVE and self.connection_lost_at is None

    @property
    def is_billed(self) -> bool:
        """Whether its time counts as usage; the partner tenant is never billed."""
        return self.is_synced and not self.is_own_msp_tenant

    @property
    def ref(self) -> TenantRef:
        """The key of everything that this life of the tenant owns."""
        return TenantRef(self.msp_id, self.tenant_id, self.epoch)

    @property
    def connection(self) -> TenantConnection:
        """Client credentials for the MSP's own tenant, GDAP for a customer tenant."""
        return (
            TenantConnection.CLIENT_CREDENTIALS if self.is_own_msp_tenant else TenantConnection.GDAP
        )

    @property
    def badge(self) -> str | None:
        """The label that the portal shows next to the name."""
        return "Partner tenant" if self.is_own_msp_tenant else None


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A tenant as shown in the portfolio."""

    ref: TenantRef
    display_name: str
    is_own_msp_tenant: bool
    status: TenantStatus

    @classmethod
    def of(cls, tenant: Tenant) -> "ListedTenant":
        """Return the part of a tenant that the portfolio shows."""
        return cls(tenant.ref, tenant.display_name, tenant.is_own_msp_tenant, tenant.status)


@dataclass(frozen=True, slots=True)
class PartnerTenantClaim:
    """Which tenant is the MSP's partner tenant. One row per MSP, so a second is a conflict."""

    msp_id: MspId
    tenant_id: TenantId


@dataclass(frozen=True, slots=True)
class Organization:
    """What Microsoft Identity and Graph report about a tenant that consented.

    Args:
        primary_domain: The verified domain with `isDefault`, else the one with `isInitial`.
        permissions: The application permissions in the app's token.
    """

    tenant_id: TenantId
    display_name: str
    primary_domain: str | None
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GdapInvite:
    """A GDAP relationship that the MSP requested from a customer.

    Args:
        status: `pending` until accepted, then `active`.
        invite_url: The page on which the customer's admin accepts.
        expires_at: When the invite expires; once it is accepted, when the relationship ends.
        assigned: The access that the MSP's security groups have been given, in the form of
            `PartnerApp.access`; empty before.
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
    """When a tenant was last deleted; a relationship agreed earlier does not add it again."""

    msp_id: MspId
    tenant_id: TenantId
    removed_at: datetime
