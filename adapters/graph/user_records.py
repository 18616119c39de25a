"""Users as Graph returns them, whole or changed."""

from typing import Any, NotRequired, Required, TypedDict

from pydantic import with_config

from adapters.graph.records import Kind, key_of
from adapters.schema import (
    STRICT,
    Few,
    Flag,
    Key,
    MomentText,
    Name,
    PrincipalName,
    Word,
)
from domain.ports.synced_records import SyncedRecord


@with_config(STRICT)
class AssignedLicence(TypedDict):
    """https://learn.microsoft.com/graph/api/resources/assignedlicense ."""

    skuId: Key
    disabledPlans: NotRequired[Few[Key] | None]


@with_config(STRICT)
class User(TypedDict, total=False):
    """https://learn.microsoft.com/graph/api/resources/user ."""

    id: Required[Key]
    displayName: Name | None
    userPrincipalName: PrincipalName | None
    mail: PrincipalName | None
    accountEnabled: Flag | None
    userType: Word | None
    createdDateTime: MomentText | None
    assignedLicenses: Few[AssignedLicence] | None
    jobTitle: Name | None
    department: Name | None
    usageLocation: Word | None
    onPremisesSyncEnabled: Flag | None


USER_PROPERTIES = tuple(User.__annotations__)
_NO_USER = dict.fromkeys(USER_PROPERTIES)
# The key of the record of a data set that is one object.


def user_record(user: User) -> SyncedRecord:
    """Return a user with every requested property."""
    document: dict[str, Any] = {**_NO_USER, **user}
    document["assignedLicenses"] = _licences(document["assignedLicenses"])
    return SyncedRecord(user["id"], document)


def _licences(assigned: Any) -> list[Any]:
    """Return the licences of a user; most have no disabled plans, and need not say so."""
    return [
        licence if licence.get("disabledPlans") else {"skuId": licence["skuId"]}
        for licence in assigned or ()
    ]


def user_change(user: User) -> SyncedRecord:
    """Return a user's change from a delta: properties that are not in it have not changed."""
    document: dict[str, Any] = {**user}
    if "assignedLicenses" in user:
        document["assignedLicenses"] = _licences(user["assignedLicenses"])
    return SyncedRecord(user["id"], document)


USERS = Kind(User, "id", user_record)
CHANGED_USERS = Kind(User, "id", user_change)


def added_up(changes: list[Any]) -> tuple[list[Any], list[str]]:
    """Return each changed user of a page once, and the keys of those that are removed.

    Graph may return a user several times: the changes are merged. A user that was removed and is
    returned again exists again.
    """
    latest: dict[str | int, Any] = {}
    removed: dict[str, None] = {}
    for number, item in enumerate(changes):
        key = key_of(item)
        if key is None:
            latest[number] = item
        elif is_removed(item):
            removed[key] = None
            latest.pop(key, None)
        else:
            latest[key] = {**latest.get(key, {}), **item}
    return list(latest.values()), list(removed)


def is_removed(item: Any) -> bool:
    """Return whether an item says that its user was deleted."""
    return isinstance(item, dict) and "@removed" in item
