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
    """A security group of the MSP's, and the Entra roles that it gets in customer tenants.

    Args:
        group_id: Object ID of the group in the MSP's own tenant.
        roles: Names of roles in `domain.gdap.ROLES`.
    """

    group_id: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartnerApp:
    """The MSP's partner app registration, and the secrets that stand for it.

    Args:
        client_id: Application (client) ID.
        tenant_id: The tenant that the registration lives in.
        credential: Name of the secret with the certificate or client secret; None when the app
            trusts the service's managed identity instead.
        service_account: Name of the secret with the service account's refresh token, by which
            customer tenants are read under GDAP.
        security_groups: The groups that get access when a customer accepts a relationship; the
            service account is a member of at least one.
    """

    client_id: str
    tenant_id: TenantId
    credential: str | None
    service_account: str
    security_groups: tuple[SecurityGroup, ...] = ()

    @property
    def access(self) -> str:
        """The access that the groups are to have, in one text by which a change of it is known."""
        groups = sorted(
            f"{group.group_id}={','.join(sorted(group.roles))}" for group in self.security_groups
        )
        return ";".join(groups)


@dataclass(frozen=True, slots=True)
class Msp:
    """An MSP's profile and billing terms.

    Args:
        country: ISO 3166-1 alpha-2; `AU` pays GST.
        tier: Name of a `Tier`; of another release's, whose price is not known here, billing waits.
        abn: Australian Business Number, digits only, or None outside Australia.
        agreed_price_cents: Price per tenant and month, for Enterprise Plus alone.
        time_zone: IANA name; the days of an invoice are days there.
        consented_manifest: Version of the app's permissions that the own tenant consented to.
        owners: How many owners there are, so that the last one cannot go.
        closed_at: When an operator deleted the MSP; its profile stays for its invoices.
        billing_email: Where notices about invoices go, or None.
        sign_in_tenants: Whose people can be staff, beside those of the partner tenant: the first
            owner's, and what the operator added.
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
