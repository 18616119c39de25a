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


class Connection(StrEnum):
    """How Microsoft Graph is reached for a tenant."""

    CLIENT_CREDENTIALS = "client_credentials"
    GDAP = "gdap"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant row. One per MSP and tenant ID, since that is its key.

    Args:
        is_own_msp_tenant: The flag; only consent, enable and disable write it.
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

    @property
    def ref(self) -> TenantRef:
        """The key of all that this life of the tenant owns."""
        return TenantRef(self.msp_id, self.tenant_id, self.epoch)

    @property
    def connection(self) -> Connection:
        """Client credentials for the MSP's own tenant, GDAP for a customer's."""
        return Connection.CLIENT_CREDENTIALS if self.is_own_msp_tenant else Connection.GDAP

    @property
    def badge(self) -> str | None:
        """What the portal shows beside the name."""
        return "Partner tenant" if self.is_own_msp_tenant else None


@dataclass(frozen=True, slots=True)
class PartnerSlot:
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
    """

    msp_id: MspId
    tenant_id: TenantId
    display_name: str
    relationship_id: str
    status: str
    invite_url: str
    expires_at: datetime
    created_at: datetime
