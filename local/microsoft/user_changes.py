"""PATCH of a user, refused where Graph refuses it.

https://learn.microsoft.com/graph/api/user-update
"""

from typing import Any

from local.microsoft.answers import GraphAnswer, Refused
from local.microsoft.callers import Caller
from local.microsoft.contents import current
from local.microsoft.filters import Document
from local.microsoft.privileges import SENSITIVE, suffices
from local.microsoft.resources import DENIED, V1, Access, find, words
from local.microsoft.roles import NAMES
from local.microsoft.tenant import Tenant
from local.microsoft.topics import groups, roles
from local.microsoft.user_properties import LISTS, OF_THE_CLOUD, READ_ONLY, REQUIRED, WRITABLE

UPDATE = Access(
    words("User.ReadWrite.All|Directory.ReadWrite.All"),
    words("User Administrator|Global Administrator|Privileged Authentication Administrator"),
)
# https://learn.microsoft.com/graph/api/user-update: for accountEnabled alone.
ENABLE_OR_DISABLE = Access(
    words("User.EnableDisableAccount.All"),
    UPDATE.roles | words("Authentication Administrator"),
    also=words("User.Read.All"),
)


def change(tenant: Tenant, caller: Caller, key: str, body: Any) -> GraphAnswer:
    """Set properties of a user, all or none."""
    if not isinstance(body, dict):
        raise Refused(400, "BadRequest", "Unable to read JSON request payload.")
    _check_permission(caller, body)
    index = tenant.directory.find(key)
    if index is None:
        what = f"Resource '{key}' does not exist or one of its queried reference-property objects"
        raise Refused(404, "Request_ResourceNotFound", f"{what} are not present.")
    user = tenant.directory.user(index)
    _check_values(body)
    _check_target(tenant, caller, user["id"], body)
    if user.get("onPremisesSyncEnabled") and body.keys() - OF_THE_CLOUD:
        what = "Unable to update the specified properties for on-premises mastered Directory Sync"
        text = f"{what} objects or objects currently undergoing migration."
        raise Refused(400, "Request_BadRequest", text)
    if body:
        tenant.directory.edit(index, body)
    return GraphAnswer(204, None)


def _check_permission(caller: Caller, body: dict[str, Any]) -> None:
    if body.keys() == {"accountEnabled"} and caller.may(ENABLE_OR_DISABLE):
        return
    if "passwordProfile" in body:
        raise Refused(501, "NotImplemented", "The simulation does not set passwords.")
    caller.check(UPDATE)


def _check_values(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name in READ_ONLY:
            text = f"Property '{name}' is read-only and cannot be set."
            raise Refused(400, "Request_BadRequest", text)
        if name not in WRITABLE:
            text = f"One or more properties contains invalid values: '{name}' is unknown."
            raise Refused(400, "Request_BadRequest", text)
        if not _is_valid(name, value):
            raise Refused(400, "Request_BadRequest", f"Invalid value specified for '{name}'.")


def _is_valid(name: str, value: Any) -> bool:
    if value is None:
        return name not in REQUIRED
    if name == "accountEnabled":
        return isinstance(value, bool)
    if name in LISTS:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if name == "usageLocation":
        return isinstance(value, str) and len(value) == 2 and value.isalpha()
    return isinstance(value, str) and value != ""


def _check_target(tenant: Tenant, caller: Caller, key: str, body: dict[str, Any]) -> None:
    """Refuse a sensitive change of somebody whose roles outrank those of the caller."""
    if not body.keys() & SENSITIVE:
        return
    targets, in_role_group = roles_of(tenant, key)
    if not targets and not in_role_group:
        return  # without roles, a permission and the role that it needs are enough
    if not suffices(caller.roles, targets, in_role_group=in_role_group):
        raise Refused(DENIED.status, DENIED.code, DENIED.message)


def roles_of(tenant: Tenant, key: str) -> tuple[set[str], bool]:
    """Return the names of a user's active roles, and whether a role-assignable group has it."""
    assignable = [one for one in _list(tenant, "groups") if one.get("isAssignableToRole")]
    own = {group["id"] for group in assignable if key in _members(tenant, group["id"])}
    held = _list(tenant, "roleManagement/directory/roleAssignments")
    ids = {role["roleDefinitionId"] for role in held if role["principalId"] in {key, *own}}
    return {NAMES.get(identifier, identifier) for identifier in ids}, bool(own)


def _members(tenant: Tenant, group: str) -> set[str]:
    users = _list(tenant, f"groups/{group}/transitiveMembers/microsoft.graph.user")
    return {str(user["id"]) for user in users}


def _list(tenant: Tenant, path: str) -> list[Document]:
    """Return a list of the directory as it is now, whatever reads show yet."""
    found = find((*groups.RESOURCES, *roles.RESOURCES), V1, path)
    documents: list[Document] = current(tenant, found, V1, latest=True) if found else []
    return documents
