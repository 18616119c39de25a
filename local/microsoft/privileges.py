"""Whose account who may disable, rename or delete: depends on the roles of both.

https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions
"""

from collections.abc import Set as AbstractSet

_HIGHEST = frozenset({"Global Administrator", "Privileged Authentication Administrator"})
_USERS = frozenset({*_HIGHEST, "User Administrator"})
_EVERYDAY = frozenset({*_USERS, "Authentication Administrator"})
# The caller's roles that suffice, by a role of the account. A role that is not listed demands
# the highest ones, as membership in a role-assignable group does.
_NEEDED = {
    "Directory Readers": _EVERYDAY,
    "Guest Inviter": _EVERYDAY,
    "Password Administrator": _EVERYDAY,
    "Message Center Reader": _EVERYDAY,
    "Reports Reader": _EVERYDAY,
    "Usage Summary Reports Reader": _EVERYDAY,
    "User Experience Success Manager": _EVERYDAY,
    "Authentication Administrator": _HIGHEST | {"Authentication Administrator"},
    "Helpdesk Administrator": _USERS,
    "Groups Administrator": _USERS,
    "User Administrator": _USERS,
}
SENSITIVE = frozenset(
    {
        *("accountEnabled", "businessPhones", "mobilePhone", "otherMails"),
        *("onPremisesImmutableId", "passwordProfile", "userPrincipalName"),
    }
)


def suffices(callers: AbstractSet[str], targets: AbstractSet[str], *, in_role_group: bool) -> bool:
    """Return whether a caller's roles permit a sensitive change of an account.

    Args:
        callers: Names of the caller's roles.
        targets: Names of the account's roles; the caller needs a role for each.
        in_role_group: Whether the account is a member of a role-assignable group.
    """
    if in_role_group and not callers & _HIGHEST:
        return False
    return all(callers & _NEEDED.get(role, _HIGHEST) for role in targets)
