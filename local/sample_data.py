"""The seed: two MSPs with fixed IDs, and their tenants at Microsoft."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_URL, uuid5

API_AUDIENCE = "6f1d3f52-0d5a-4f0e-9a53-6f0a1c1d7e01"
# The header value that App Service has an app send to request a managed identity token.
IDENTITY_HEADER = "local"
SELLER_ABN = "35000000365"  # has valid check digits, and belongs to nobody
# Where Partner Center is below the simulation's origin; Graph and Entra ID are at the origin.
PARTNER_CENTER = "/partnercenter"
ROLES = ("msp_owner", "msp_admin", "l3", "l2", "l1", "viewer")
# What the partner apps are registered with: every data set, and signing users in and out.
PERMISSIONS = (
    "AccessReview.Read.All",
    "Application.Read.All",
    "AuditLog.Read.All",
    "DelegatedAdminRelationship.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementManagedDevices.Read.All",
    "Domain.Read.All",
    "GroupMember.Read.All",
    "GroupSettings.Read.All",
    "IdentityRiskyUser.Read.All",
    "LicenseAssignment.Read.All",
    "OrgSettings-AppsAndServices.Read.All",
    "OrgSettings-Forms.Read.All",
    "Organization.Read.All",
    "Policy.Read.All",
    "Policy.Read.B2BManagementPolicy",
    "Policy.Read.DeviceConfiguration",
    "ReportSettings.Read.All",
    "Reports.Read.All",
    "RoleManagement.Read.Directory",
    "SecurityAlert.Read.All",
    "SecurityEvents.Read.All",
    "SecurityIncident.Read.All",
    "ServiceHealth.Read.All",
    "SharePointTenantSettings.Read.All",
    "User.EnableDisableAccount.All",
    "User.Read.All",
)


def fixed_id(name: str) -> str:
    """Return a GUID that is the same for a name on every machine."""
    return str(uuid5(NAMESPACE_URL, f"https://sample.manage365.example/{name}"))


# The service's managed identity. Entra accepts it only for apps of its own tenant, so the service
# belongs to Contoso's tenant.
SERVICE_TENANT_ID = fixed_id("tenant/contoso.com")
IDENTITY_CLIENT_ID = fixed_id("identity/client")
IDENTITY_OBJECT_ID = fixed_id("identity/object")


@dataclass(frozen=True, slots=True)
class SeedStaff:
    """A staff member."""

    role: str
    tid: str
    oid: str
    name: str


@dataclass(frozen=True, slots=True)
class SeedTenant:
    """A tenant at Microsoft.

    Args:
        number: What its people, licences and policies are generated from.
    """

    tenant_id: str
    display_name: str
    domain: str
    number: int
    users: int


@dataclass(frozen=True)
class SeedMsp:
    """An MSP, its own tenant, its staff and its customers."""

    key: str
    name: str
    country: str
    abn: str | None
    tier: str
    time_zone: str
    own: SeedTenant
    staff: tuple[SeedStaff, ...]
    customers: tuple[SeedTenant, ...]
    # In addition to its own; the demo and tests have staff who sign in from there.
    sign_in_tenants: tuple[SeedTenant, ...]

    @cached_property
    def msp_id(self) -> str:
        """The MSP's ID."""
        return fixed_id(f"msp/{self.key}")

    @cached_property
    def client_id(self) -> str:
        """Client ID of its partner app registration."""
        return fixed_id(f"app/{self.key}")

    @property
    def credential(self) -> str:
        """Name of the secret with the app's certificate."""
        return f"partner-app-{self.key}"

    @property
    def client_secret(self) -> str:
        """Name of the secret with the app's client secret, its other credential."""
        return f"{self.credential}-secret"

    @property
    def service_account(self) -> str:
        """Name of the secret with the service account's refresh token."""
        return f"service-account-{self.key}"

    @cached_property
    def security_group(self) -> str:
        """Object ID of the group that gets access to customers; it contains the service account."""
        return fixed_id(f"group/{self.key}")

    def relationship_id(self, customer: "SeedTenant") -> str:
        """Return the ID of the GDAP relationship with a customer."""
        return fixed_id(f"gdap/{self.key}/{customer.domain}")


def _users(default: int) -> int:
    return int(os.environ.get("SEED_USERS", default))


def _tenant(name: str, domain: str, number: int, users: int) -> SeedTenant:
    return SeedTenant(fixed_id(f"tenant/{domain}"), name, domain, number, _users(users))


_CUSTOMERS = (
    ("Northwind Traders", "northwindtraders.com"),
    ("Fourth Coffee", "fourthcoffee.com"),
    ("Tailspin Toys", "tailspintoys.com"),
    ("Woodgrove Bank", "woodgrovebank.com"),
    ("Adventure Works", "adventure-works.com"),
    ("Alpine Ski House", "alpineskihouse.com"),
    ("Bellows College", "bellowscollege.com"),
    ("Best For You Organics", "bestforyouorganics.com"),
    ("Blue Yonder Airlines", "blueyonderairlines.com"),
    ("City Power & Light", "cpandl.com"),
    ("Coho Winery", "cohowinery.com"),
    ("Graphic Design Institute", "graphicdesigninstitute.com"),
    ("Humongous Insurance", "humongousinsurance.com"),
    ("Lamna Healthcare", "lamnahealthcare.com"),
    ("Liberty's Delightful Sinful Bakery", "libertysdelightfulsinfulbakery.com"),
    ("Lucerne Publishing", "lucernepublishing.com"),
    ("Margie's Travel", "margiestravel.com"),
    ("Proseware", "proseware.com"),
    ("Wide World Importers", "wideworldimporters.com"),
)
_CUSTOMER_TENANTS = tuple(
    _tenant(name, domain, number, 8 + number)
    for number, (name, domain) in enumerate(_CUSTOMERS, start=100)
)
_CONTOSO = _tenant("Contoso MSP", "contoso.com", 1, 120)
_FABRIKAM = _tenant("Fabrikam IT", "fabrikam.com", 2, 40)
_LITWARE = _tenant("Litware", "litware.com", 200, 12)
STRANGER = _tenant("Adatum", "adatum.com", 3, 20)  # a tenant of no MSP
STRANGER_OID = fixed_id("person/adatum")


def _staff(own: SeedTenant, role: str) -> SeedStaff:
    oid = fixed_id(f"staff/{own.domain}/{role}")
    return SeedStaff(role, own.tenant_id, oid, f"{own.display_name} {role}")


CONTOSO = SeedMsp(
    key="contoso",
    name="Contoso MSP",
    country="AU",
    abn="51824753556",
    tier="business",
    time_zone="Australia/Sydney",
    own=_CONTOSO,
    staff=tuple(_staff(_CONTOSO, role) for role in ROLES),
    customers=_CUSTOMER_TENANTS,
    sign_in_tenants=(_CUSTOMER_TENANTS[0], STRANGER),
)
FABRIKAM = SeedMsp(
    key="fabrikam",
    name="Fabrikam IT",
    country="NZ",
    abn=None,
    tier="professional",
    time_zone="Pacific/Auckland",
    own=_FABRIKAM,
    staff=(_staff(_FABRIKAM, "msp_owner"),),
    customers=(
        _CUSTOMER_TENANTS[0],  # also a customer of Contoso
        _LITWARE,
        _tenant("The Phone Company", "thephone-company.com", 201, 9),
    ),
    sign_in_tenants=(_LITWARE,),
)
MSPS = (CONTOSO, FABRIKAM)


def tenants() -> list[SeedTenant]:
    """Return every tenant that the simulated Microsoft knows."""
    known = {msp.own.tenant_id: msp.own for msp in MSPS} | {STRANGER.tenant_id: STRANGER}
    known |= {tenant.tenant_id: tenant for msp in MSPS for tenant in msp.customers}
    return list(known.values())


def msp_of(key: str) -> SeedMsp:
    """Return the MSP with a key.

    Raises:
        LookupError: There is no such MSP.
    """
    for msp in MSPS:
        if msp.key == key:
            return msp
    raise LookupError(f"no MSP is called {key}")


def as_json() -> dict[str, Any]:
    """Return the fixed IDs."""
    return {
        "audience": API_AUDIENCE,
        "msps": [
            {
                "name": msp.name,
                "mspId": msp.msp_id,
                "tenantId": msp.own.tenant_id,
                "staff": [
                    {"role": member.role, "tid": member.tid, "oid": member.oid}
                    for member in msp.staff
                ],
                "customers": [{"tenantId": customer.tenant_id} for customer in msp.customers],
            }
            for msp in MSPS
        ],
        "stranger": {"tenantId": STRANGER.tenant_id, "oid": STRANGER_OID},
    }
