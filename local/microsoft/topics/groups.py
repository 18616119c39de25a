"""Groups, their members, and the settings of the directory.

https://learn.microsoft.com/graph/api/resources/group
"""

from local.microsoft.answers import Refused
from local.microsoft.filters import Document
from local.microsoft.resources import Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import DIRECTORY, by_name, identity
from local.microsoft.topics.role_holders import group_members, person

_UNIFIED = "Group.Unified"
_SETTINGS = words("GroupSettings.ReadWrite.All|Directory.ReadWrite.All")
_KEEPERS = words("Global Administrator|Groups Administrator")
# Each with its kind and its visibility, if that does not depend on the profile.
_GROUPS = (
    ("Security administrators", "security", None),
    ("Break-glass accounts", "security", None),
    ("All Company", "unified", "Public"),
    ("Finance", "unified", "Private"),
    ("Sales", "unified", None),
    ("Devices of staff", "dynamic", None),
    ("Everybody", "mail", None),
)


def groups(tenant: Tenant) -> list[Document]:
    """Return the groups; those of Microsoft 365 are public where nobody looks after them."""
    return [_group(tenant, name, kind, visibility) for name, kind, visibility in _GROUPS]


def _group(tenant: Tenant, name: str, kind: str, visibility: str | None) -> Document:
    is_unified = kind == "unified"
    default = tenant.by_profile("Private", "Private", "Public")
    return {
        "id": identity(tenant, f"group/{name}"),
        "displayName": name,
        "createdDateTime": "2024-01-01T00:00:00Z",
        "visibility": (visibility or default) if is_unified else None,
        "groupTypes": {"unified": ["Unified"], "dynamic": ["DynamicMembership"]}.get(kind, []),
        "mailEnabled": kind in ("unified", "mail"),
        "mailNickname": name.replace(" ", "").lower(),
        "securityEnabled": kind in ("security", "dynamic"),
        "membershipRule": '(user.department -eq "Sales")' if kind == "dynamic" else None,
        "isAssignableToRole": True if name == _GROUPS[0][0] else None,
        "onPremisesSyncEnabled": None,
    }


def members(tenant: Tenant, key: str) -> list[Document]:
    """Return the users in a group, nested groups included."""
    names = {identity(tenant, f"group/{name}"): name for name, *_ in _GROUPS}
    if key not in names:
        raise Refused(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
    name = names[key]
    if name == _GROUPS[0][0]:
        ids: list[str | None] = [*group_members(tenant)]
    elif name == "Break-glass accounts":
        ids = [person(tenant, 1)]
    else:
        every = tenant.directory.indices()[_offset(name) :: 4]
        return [tenant.directory.user(index) for index in every]
    found = [tenant.directory.find(member) for member in ids if member]
    return [tenant.directory.user(index) for index in found if index is not None]


def _offset(name: str) -> int:
    return len(name) % 4


def directory_settings(tenant: Tenant) -> list[Document]:
    """Return the settings that differ from Microsoft's defaults; a neglected tenant has none."""
    unified = {
        "id": identity(tenant, "settings/unified"),
        "displayName": _UNIFIED,
        "templateId": "62375ab9-6b52-47ed-826b-58e47e0e304b",
        "values": by_name(
            EnableGroupCreation=tenant.by_profile("false", "true", "true"),
            AllowGuestsToBeGroupOwner="false",
            AllowGuestsToAccessGroups=tenant.by_profile("false", "true", "true"),
            EnableMIPLabels=tenant.by_profile("true", "false", "false"),
        ),
    }
    passwords = {
        "id": identity(tenant, "settings/passwords"),
        "displayName": "Password Rule Settings",
        "templateId": "5cf42378-d67d-4f36-ba46-e8b86229381d",
        "values": by_name(
            BannedPasswordCheckOnPremisesMode="Enforce",
            EnableBannedPasswordCheckOnPremises="true",
            EnableBannedPasswordCheck="true",
            LockoutDurationInSeconds="60",
            LockoutThreshold="10",
            BannedPasswordList=tenant.display_name,
        ),
    }
    return tenant.by_profile([unified, passwords], [unified], [])


RESOURCES = (
    Resource(
        "groups",
        "microsoft.graph.group",
        Access(
            words("GroupMember.Read.All|Group.Read.All|Directory.Read.All|Group.ReadWrite.All"),
            DIRECTORY | words("Groups Administrator"),
        ),
        groups,
    ),
    Resource(
        "groups/{id}/transitiveMembers/microsoft.graph.user",
        "microsoft.graph.user",
        Access(
            words("GroupMember.Read.All|Group.Read.All|Directory.Read.All|Group.ReadWrite.All"),
            DIRECTORY | words("Groups Administrator"),
        ),
        members,
    ),
    Resource(
        "groupSettings",
        "microsoft.graph.groupSetting",
        Access(
            words("GroupSettings.Read.All|GroupSettings.ReadWrite.All|Directory.Read.All"),
            DIRECTORY,
        ),
        directory_settings,
        writes={method: Access(_SETTINGS, _KEEPERS) for method in ("POST", "PATCH", "DELETE")},
        read_only=words("id|displayName"),
        optional=words("templateId|values"),
    ),
)
