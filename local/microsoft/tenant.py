"""A tenant of the simulated Microsoft."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from local.microsoft.directory import Directory
from local.microsoft.objects import Objects
from local.microsoft.products import OTHER_SKUS, SKUS

PROFILES = ("hardened", "typical", "neglected")


@dataclass(slots=True)
class Tenant:
    """A tenant; what is in it is generated from its number and its profile when it is read.

    Args:
        profile: How well it is looked after: `hardened`, `typical` or `neglected`.
        service_plans: The only service plans that it has, or None for those of its SKUs.
        licences: Changes of its SKUs by part number; None stands for a SKU that it lacks.
        unlicensed_is_empty: Whether services that may do so answer with an empty list, instead
            of a refusal, where a plan is missing.
        paces: Whether Graph limits the requests.
        served: When requests were answered, by limit and app.
        began: The moment from which past events are counted back.
        kept: Generated lists by path, each with the state that it was generated from.
        propagation_seconds: How long consent takes to be complete.
        revoked: Permissions that no token has here any more.
        app_roles: Names of the Entra roles of service principals, by client ID.
    """

    tenant_id: str
    display_name: str
    domain: str
    number: int
    directory: Directory
    objects: Objects = field(default_factory=Objects)
    profile: str = "typical"
    service_plans: frozenset[str] | None = None
    licences: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    unlicensed_is_empty: bool = False
    paces: bool = False
    served: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    kept: dict[str, tuple[Any, list[Any]]] = field(default_factory=dict)
    propagation_seconds: float = 0
    wants_mfa: bool = False
    revoked: set[str] = field(default_factory=set)
    app_roles: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def made(cls, tenant_id: str, name: str, domain: str, number: int, users: int) -> "Tenant":
        """Return a tenant with unchanged people."""
        return cls(tenant_id, name, domain, number, Directory(number, domain, users))

    def skus(self) -> list[tuple[str, str]]:
        """Return the tenant's SKUs: ID and part number."""
        usual = [sku for sku in SKUS if self.licences.get(sku[1], {}) is not None]
        return [*usual, *(sku for sku in OTHER_SKUS if self.licences.get(sku[1]) is not None)]

    @property
    def is_hardened(self) -> bool:
        """Whether the tenant is looked after as well as can be."""
        return self.profile == "hardened"

    @property
    def is_neglected(self) -> bool:
        """Whether nobody looks after the tenant."""
        return self.profile == "neglected"

    def by_profile[T](self, hardened: T, typical: T, neglected: T) -> T:
        """Return the value for the tenant's profile."""
        return dict(zip(PROFILES, (hardened, typical, neglected), strict=True))[self.profile]

    def random(self, topic: str) -> Random:
        """Return a source of random numbers that is always the same for a topic."""
        return Random(f"{self.number}/{self.profile}/{topic}")
