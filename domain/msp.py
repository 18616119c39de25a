"""The managed service provider: our customer, and the boundary of every transaction."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.identifiers import MspId, TenantId


class Tier(StrEnum):
    """A price tier per managed tenant and month."""

    PROFESSIONAL = "professional"
    BUSINESS = "business"
    ENTERPRISE = "enterprise"
    ENTERPRISE_PLUS = "enterprise_plus"


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group of the MSP, and the Entra roles that it gets in customer tenants.

    Args:
        group_id: Object ID of the group in the MSP's own tenant.
        roles: Names of roles in `domain.gdap.ALL_ROLES`.
    """

    group_id: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartnerApp:
    """The MSP's partner app registration, and the names of its secrets.

    Args:
        client_id: Application (client) ID; None until the app is registered.
        tenant_id: The tenant that contains the registration.
        credential: Name of the secret with the certificate or client secret; None when the app
            trusts the service's managed identity instead.
        service_account: Name of the secret with the service account's refresh token, which is
            used to read customer tenants under GDAP.
        security_groups: The groups that get access when a customer accepts a relationship. The
            service account is a member of at least one of them.
        optional_roles: Names of roles in `domain.gdap.OPTIONAL_ROLES` that customers are asked for
            in addition.
        capabilities: Names of the capabilities in `core.capabilities` that the MSP has chosen
            besides reading.
    """

    client_id: str | None
    tenant_id: TenantId
    credential: str | None
    service_account: str
    security_groups: tuple[SecurityGroup, ...] = ()
    optional_roles: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    @property
    def access(self) -> str:
        """The access that the groups should have, as one text that changes when it changes."""
        groups = sorted(
            f"{group.group_id}={','.join(sorted(group.roles))}" for group in self.security_groups
        )
        return ";".join(groups)


@dataclass(frozen=True, slots=True)
class Msp:
    """An MSP's profile and billing terms.

    Args:
        country: ISO 3166-1 alpha-2; MSPs in `AU` pay GST.
        tier: Name of a `Tier`. If another release wrote a tier that is unknown here, billing of
            this MSP waits, since its price is not known.
        abn: Australian Business Number, digits only, or None outside Australia.
        agreed_price_cents: Price per tenant and month; Enterprise Plus only.
        time_zone: IANA name; the days on an invoice are days in this time zone.
        consented_manifest: Version of the app's permissions that the MSP's own tenant consented
            to.
        owners: The number of owners, so that the last one cannot be removed.
        closed_at: When an operator deleted the MSP; its profile is kept for its invoices.
        billing_email: Address for e-mails about invoices, or None.
        sign_in_tenants: Tenants whose people can be staff, besides the partner tenant: the first
            owner's tenant, and those that the operator added.
    """

    msp_id: MspId
    name: str
    country: str
    abn: str | None
    tier: str
    agreed_price_cents: int | None
    annual_prepay: bool
    time_zone: str
    onboarded_at: datetime
    suspended_at: datetime | None
    app: PartnerApp
    owners: int = 0
    consented_manifest: int | None = None
    closed_at: datetime | None = None
    billing_email: str | None = None
    sign_in_tenants: tuple[TenantId, ...] = ()
