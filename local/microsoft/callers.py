"""Who sends a request: an app or a partner's service account, with permissions and roles."""

from dataclasses import dataclass
from typing import Any

from local.microsoft.answers import Refused
from local.microsoft.resources import DENIED, Access, Refusal
from local.microsoft.roles import NAMES
from local.microsoft.state import Microsoft
from local.microsoft.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller at one tenant.

    Args:
        permissions: What the token holds and the tenant has not revoked.
        roles: Names of Entra roles: those that GDAP gives the service account now, or those of
            the app's service principal.
        is_delegated: Whether a permission alone is not enough.
    """

    app_id: str
    permissions: frozenset[str]
    roles: frozenset[str]
    is_delegated: bool

    def may(self, access: Access) -> bool:
        """Return whether permissions and roles suffice."""
        permitted = bool(self.permissions & access.permissions) and access.also <= self.permissions
        return permitted and (not self.is_delegated or bool(self.roles & access.roles))

    def check(self, access: Access, denied: Refusal = DENIED) -> None:
        """Check permission and role.

        Raises:
            Refused: One of them is missing; Graph does not say which.
        """
        if not self.may(access):
            raise Refused(denied.status, denied.code, denied.message)


def caller(microsoft: Microsoft, tenant: Tenant, claims: dict[str, Any]) -> Caller:
    """Return the caller that a token names; the current roles count, not those at its issue.

    Raises:
        Refused: 401, the partner no longer has access to the tenant.
    """
    app_id = str(claims.get("appid"))
    if "roles" in claims or claims.get("idtyp") == "app":
        held = set(claims.get("roles") or ()) - tenant.revoked
        own = tenant.app_roles.get(app_id, set())
        return Caller(app_id, frozenset(held), frozenset(own), is_delegated=False)
    held = set(str(claims.get("scp")).split()) - tenant.revoked
    ids = microsoft.relationships.roles(microsoft.apps[app_id].home, tenant.tenant_id)
    if not ids:
        raise Refused(401, "InvalidAuthenticationToken", "Access has been revoked.")
    names = frozenset(NAMES[role] for role in ids if role in NAMES)
    return Caller(app_id, frozenset(held), names, is_delegated=True)
