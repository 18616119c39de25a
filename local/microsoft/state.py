"""The state of the simulation: tenants, apps, consents, relationships, faults, requests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from domain.gdap import ROLES
from local import sample_data
from local.microsoft.downloads import Downloads
from local.microsoft.relationships import Relationships
from local.microsoft.tenant import Tenant

# The seed's relationships are older than any operation on their tenants.
_AGE = timedelta(days=60)
_ACCESS = {"unifiedRoles": [{"roleDefinitionId": role} for role in ROLES.values()]}


@dataclass(slots=True)
class Consent:
    """Admin consent of a tenant to an app: when it was given, and how long it propagates.

    Args:
        scopes: The delegated permissions, if it is for nothing else; None for all permissions
            that the app's registration has, its own among them.
    """

    given_at: datetime
    propagation: timedelta
    scopes: frozenset[str] | None = None

    def stage(self, now: datetime) -> str:
        """Return `unknown`, then `no roles`, then `complete`: consent propagates in steps."""
        age = now - self.given_at
        if age >= self.propagation:
            return "complete"
        return "unknown" if age < self.propagation / 2 else "no roles"

    def delegated(self, now: datetime) -> list[str] | None:
        """Return the delegated permissions, once the consent has propagated; None before."""
        if self.stage(now) != "complete":
            return None
        return sorted(sample_data.PERMISSIONS if self.scopes is None else self.scopes)


@dataclass(frozen=True, slots=True)
class Trust:
    """A federated credential: the issuer whose tokens authenticate the app.

    https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
    """

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class App:
    """A partner app registration, with its credentials.

    Args:
        trust: None for trust in the service's managed identity.
        is_public: Whether Entra takes it for a public client in flows without a redirect.
    """

    client_id: str
    home: str
    certificates: tuple[x509.Certificate, ...]
    msp: sample_data.SeedMsp
    secret: str
    trust: Trust | None = None
    secret_is_expired: bool = False
    is_public: bool = False


@dataclass(slots=True)
class Microsoft:
    """The whole state."""

    origin: str
    tenants: dict[str, Tenant]
    apps: dict[str, App]
    consents: dict[tuple[str, str], Consent] = field(default_factory=dict)
    # Customers that Partner Center does not list, and partners whose service account is in no
    # group AdminAgents.
    unlisted: set[str] = field(default_factory=set)
    without_admin_agents: set[str] = field(default_factory=set)
    refresh_tokens: dict[str, str] = field(default_factory=dict)  # token → client ID
    relationships: Relationships = field(default_factory=Relationships)
    downloads: Downloads = field(default_factory=Downloads)
    faults: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    sequence: int = 0

    @classmethod
    def seeded(cls, origin: str, run_dir: Path) -> "Microsoft":
        """Return the state that the seed describes."""
        tenants = {
            t.tenant_id: Tenant.made(t.tenant_id, t.display_name, t.domain, t.number, t.users)
            for t in sample_data.tenants()
        }
        microsoft = cls(origin, tenants, {})
        for msp in sample_data.MSPS:
            microsoft._add_msp(msp, run_dir / "secrets")
        return microsoft

    def _add_msp(self, msp: sample_data.SeedMsp, folder: Path) -> None:
        pem = (folder / msp.credential).read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        secret = (folder / msp.client_secret).read_text()
        self.apps[msp.client_id] = App(
            msp.client_id, msp.own.tenant_id, (certificate,), msp, secret
        )
        self.refresh_tokens[(folder / msp.service_account).read_text()] = msp.client_id
        self.relationships.members[msp.own.tenant_id] = {msp.security_group}
        for customer in msp.customers:
            self._add_active_relationship(msp, customer)

    def service_trust(self) -> Trust:
        """Return the trust in the service's managed identity."""
        return Trust(
            f"{self.origin}/{sample_data.SERVICE_TENANT_ID}/v2.0", sample_data.IDENTITY_OBJECT_ID
        )

    def add_customer(self, home: str, users: int) -> str:
        """Add a customer tenant that an MSP reaches through GDAP; return its ID.

        Args:
            home: The MSP's own tenant.
        """
        msp = next(app.msp for app in self.apps.values() if app.home == home)
        number = 1000 + len(self.tenants)
        domain = f"customer{number}.example"
        tenant_id = sample_data.fixed_id(f"tenant/{domain}")
        customer = sample_data.SeedTenant(tenant_id, f"Customer {number}", domain, number, users)
        name = customer.display_name
        self.tenants[tenant_id] = Tenant.made(tenant_id, name, domain, number, users)
        self._add_active_relationship(msp, customer)
        return tenant_id

    def _add_active_relationship(
        self, msp: sample_data.SeedMsp, customer: sample_data.SeedTenant
    ) -> None:
        """Add the relationship with a customer that has consented to the partner's app."""
        self.consent(msp.client_id, customer.tenant_id, 0)
        made_at = datetime.now(UTC) - _AGE
        relationship = self.relationships.add(
            msp.own.tenant_id,
            {
                "displayName": f"{msp.name} {customer.domain}"[:50],
                "duration": "P730D",
                "customer": {
                    "tenantId": customer.tenant_id,
                    "displayName": customer.display_name,
                },
                "accessDetails": _ACCESS,
            },
            msp.relationship_id(customer),
            made_at,
        )
        self.relationships.accept(relationship["id"], made_at)
        container = {
            "accessContainerId": msp.security_group,
            "accessContainerType": "securityGroup",
        }
        body = {"accessContainer": container, "accessDetails": _ACCESS}
        self.relationships.assign(relationship["id"], body)

    def accept(self, relationship_id: str) -> None:
        """Accept as the admin of a customer, which need not be known yet."""
        customer = self.relationships.by_id[relationship_id]["customer"]
        known = customer["tenantId"]
        if known not in self.tenants:
            domain, number = f"customer{len(self.tenants)}.example", 1000 + len(self.tenants)
            name = customer.get("displayName", domain)
            self.tenants[known] = Tenant.made(known, name, domain, number, users=10)
        self.relationships.accept(relationship_id)

    def consent(
        self,
        client_id: str,
        tenant_id: str,
        propagation: float,
        scopes: frozenset[str] | None = None,
    ) -> None:
        """Record admin consent to all permissions, or only to some delegated ones."""
        since = timedelta(seconds=propagation)
        self.consents[client_id, tenant_id] = Consent(datetime.now(UTC), since, scopes)
