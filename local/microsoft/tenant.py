"""A tenant of the simulated Microsoft."""

from dataclasses import dataclass, field

from local.microsoft.directory import Directory
from local.microsoft.objects import Objects


@dataclass(slots=True)
class Tenant:
    """A tenant; what is in it is generated from its number and its profile when it is read.

    Args:
        profile: How well it is looked after: `hardened`, `typical` or `neglected`.
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
    propagation_seconds: float = 0
    wants_mfa: bool = False
    revoked: set[str] = field(default_factory=set)
    app_roles: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def made(cls, tenant_id: str, name: str, domain: str, number: int, users: int) -> "Tenant":
        """Return a tenant with unchanged people."""
        return cls(tenant_id, name, domain, number, Directory(number, domain, users))
