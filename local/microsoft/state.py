"""The state of the simulation: tenants, apps, consents, relationships, faults, requests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from domain.gdap import ROLES
from local import sample_data
from local.microsoft.people import user
from local.microsoft.relationships import Relationships

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


@dataclass(slots=True)
class Tenant:
    """A tenant; its people are generated when they are read."""

    tenant_id: str
    display_name: str
    domain: str
    number: int
    users: int
    propagation_seconds: float = 0
    wants_mfa: bool = False
    revoked: set[str] = field(default_factory=set)
    created: int = 0
    deleted: dict[int, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    oldest_delta: int = 0
    tells_all: bool = False

    def indices(self) -> list[int]:
        """Return the indices of the existing users."""
        return [i for i in range(self.users + self.created) if i not in self.deleted]

    def user(self, index: int) -> dict[str, Any]:
        """Return a user."""
        return user(self.number, index, self.domain, self.versions.get(index, 0))

    def created_since(self, change: int) -> set[int]:
        """Return the indices of the users that were created by this change or a later one."""
        made = {i for i in self.changes[change:] if i >= self.users}
        return made - set(self.changes[:change])

    def reset(self, users: int) -> None:
        """Reset to a number of unchanged users; delta links stay valid."""
        self.users, self.created = users, 0
        self.deleted.clear()
        self.versions.clear()

    def change(self, create: int, update: int, delete: int) -> None:
        """Create, update and delete users, each recorded for delta queries."""
        there = self.indices()
        for index in there[:update]:
            self.versions[index] = self.versions.get(index, 0) + 1
            self.changes.append(index)
        for index in there[len(there) - delete :] if delete else []:
            self.deleted[index] = len(self.changes)
            self.changes.append(index)
        for _ in range(create):
            self.changes.append(self.users + self.created)
            self.created += 1


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
    """A partner app registration, with one credential of each kind.

    Args:
        trust: None for trust in the service's managed identity.
    """

    client_id: str
    home: str
    certificate: x509.Certificate
    msp: sample_data.SeedMsp
    secret: str
    trust: Trust | None = None
    secret_is_expired: bool = False


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
    faults: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    sequence: int = 0

    @classmethod
    def seeded(cls, origin: str, run_dir: Path) -> "Microsoft":
        """Return the state that the seed describes."""
        tenants = {
            t.tenant_id: Tenant(t.tenant_id, t.display_name, t.domain, t.number, t.users)
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
        self.apps[msp.client_id] = App(msp.client_id, msp.own.tenant_id, certificate, msp, secret)
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
        self.tenants[tenant_id] = Tenant(tenant_id, customer.display_name, domain, number, users)
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
            self.tenants[known] = Tenant(known, name, domain, number, users=10)
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
