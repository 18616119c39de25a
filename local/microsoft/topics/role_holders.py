"""Who holds which Entra role in a tenant, by its profile."""

from local import sample_data
from local.microsoft.filters import Document
from local.microsoft.people import user
from local.microsoft.roles import IDS
from local.microsoft.tenant import Tenant

# Persons by rank: 0 is the first enabled member. The group is role-assignable.
GROUP = "group"
_MANY = tuple(("Global Administrator", rank) for rank in range(6))
_USUAL: tuple[tuple[str, int | str], ...] = (
    ("Global Administrator", 0),
    ("Global Administrator", 1),
    ("User Administrator", 2),
    ("Helpdesk Administrator", 3),
    ("Reports Reader", 4),
    ("Security Administrator", GROUP),
)
HELD: dict[str, tuple[tuple[str, int | str], ...]] = {
    "hardened": _USUAL,
    "typical": (*_USUAL, ("Global Administrator", 5), ("Exchange Administrator", 1)),
    "neglected": (*_USUAL, *_MANY[2:], ("Exchange Administrator", 3)),
}
# Who may activate a role, with Entra ID P2.
ELIGIBLE: dict[str, tuple[tuple[str, int | str], ...]] = {
    "hardened": (("Global Administrator", 4), ("Security Administrator", 3)),
    "typical": (("Global Administrator", 4),),
    "neglected": (),
}
_GROUP_RANKS = (3, 6)


def role_group(tenant: Tenant) -> str:
    """Return the ID of the tenant's role-assignable group."""
    return sample_data.fixed_id(f"{tenant.tenant_id}/group/Security administrators")


def person(tenant: Tenant, rank: int) -> str | None:
    """Return the ID of the enabled member of a rank, as the tenant was generated."""
    return next((p["id"] for p in _members(tenant, rank + 1)[rank:]), None)


def _members(tenant: Tenant, count: int) -> list[Document]:
    found: list[Document] = []
    for index in range(tenant.directory.users):
        one = user(tenant.number, index, tenant.domain)
        if one["accountEnabled"] and one["userType"] == "Member":
            found.append(one)
        if len(found) == count:
            break
    return found


def holders(
    tenant: Tenant, table: dict[str, tuple[tuple[str, int | str], ...]]
) -> list[tuple[str, str]]:
    """Return pairs of a role definition's ID and the ID of a principal that exists."""
    pairs = []
    for role, who in table[tenant.profile]:
        principal = role_group(tenant) if isinstance(who, str) else person(tenant, who)
        if principal and (who == GROUP or tenant.directory.find(principal) is not None):
            pairs.append((IDS[role], principal))
    return pairs


def group_members(tenant: Tenant) -> list[str]:
    """Return the IDs of the members of the role-assignable group."""
    found = (person(tenant, rank) for rank in _GROUP_RANKS)
    return [member for member in found if member and tenant.directory.find(member) is not None]


def principal(tenant: Tenant, document: Document) -> Document | None:
    """Return the user or group that an assignment names, as `$expand` shows it."""
    key = document["principalId"]
    if key == role_group(tenant):
        name = "Security administrators"
        return {"@odata.type": "#microsoft.graph.group", "id": key, "displayName": name}
    index = tenant.directory.find(key)
    if index is None:
        return None
    known = tenant.directory.user(index)
    names = ("id", "displayName", "userPrincipalName", "accountEnabled", "userType")
    shown = {name: known.get(name) for name in (*names, "onPremisesSyncEnabled")}
    return {"@odata.type": "#microsoft.graph.user", **shown}
