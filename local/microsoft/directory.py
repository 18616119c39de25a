"""The people of a tenant: generated when they are read, with what was changed since."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

from local.microsoft.people import user

_RENAMED = frozenset({"displayName"})
# What a user that a test sets has unless it says otherwise.
_PLAIN: dict[str, Any] = {
    "displayName": "Somebody",
    "mail": None,
    "accountEnabled": True,
    "userType": "Member",
    "createdDateTime": "2024-01-01T00:00:00Z",
    "assignedLicenses": [],
    "onPremisesSyncEnabled": None,
}


@dataclass(frozen=True, slots=True)
class Edit:
    """Properties that a request set on a user.

    Args:
        visible_at: When lists and delta show them; a read of the single user does so at once.
        replaces: Whether they are the whole user.
    """

    properties: dict[str, Any]
    visible_at: float = 0
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change that delta reports: which user, which properties, and from when on."""

    index: int
    properties: frozenset[str] = _RENAMED
    visible_at: float = 0


@dataclass(slots=True)
class Directory:
    """The users of a tenant, by index.

    Args:
        lag_seconds: How long after a write lists and delta show it.
        tells_all: Whether delta ignores `Prefer: return=minimal`.
    """

    number: int
    domain: str
    users: int
    lag_seconds: float = 0
    tells_all: bool = False
    oldest_delta: int = 0
    created: int = 0
    deleted: set[int] = field(default_factory=set)
    versions: dict[int, int] = field(default_factory=dict)
    edits: dict[int, list[Edit]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    _by_id: dict[str, int] = field(default_factory=dict)
    _indexed: int = 0

    @property
    def size(self) -> int:
        """The number of users that ever existed."""
        return self.users + self.created

    def indices(self) -> list[int]:
        """Return the indices of the existing users."""
        return [i for i in range(self.size) if i not in self.deleted]

    def user(self, index: int, *, listed: bool = False) -> dict[str, Any]:
        """Return a user.

        Args:
            listed: As lists and delta show it, which may lag behind.
        """
        found = user(self.number, index, self.domain, self.versions.get(index, 0))
        now = time.monotonic() if listed else math.inf
        for edit in self.edits.get(index, ()):
            if edit.visible_at <= now:
                found = edit.properties if edit.replaces else found | edit.properties
        return found

    def find(self, key: str) -> int | None:
        """Return the index of an existing user by its ID or user principal name."""
        self._all_indexed()
        index = self._by_id.get(key.casefold(), -1)
        return None if index < 0 or index in self.deleted else index

    def _all_indexed(self) -> None:
        for index in range(self._indexed, self.size):
            self._remember(index)
        self._indexed = self.size

    def _remember(self, index: int) -> None:
        person = self.user(index)
        for name in ("id", "userPrincipalName"):
            self._by_id[str(person.get(name, index)).casefold()] = index

    def edit(self, index: int, properties: dict[str, Any], *, replaces: bool = False) -> None:
        """Set properties of a user; lists and delta show it after the lag, but a whole one now."""
        visible_at = 0 if replaces else time.monotonic() + self.lag_seconds
        self.edits.setdefault(index, []).append(Edit(properties, visible_at, replaces))
        self.changes.append(Change(index, frozenset(properties), visible_at))
        self._remember(index)

    def put_all(self, people: list[dict[str, Any]]) -> None:
        """Set all users: those that are not listed are deleted."""
        kept = {str(person["id"]).casefold() for person in people}
        for index in self.indices():
            if str(self.user(index)["id"]).casefold() not in kept:
                self.remove(index)
        for person in people:
            self.put(person["id"], person)

    def put(self, key: str, person: dict[str, Any]) -> None:
        """Set a whole user, who need not exist yet."""
        index = self.find(key)
        if index is None:
            index = self._by_id.get(key.casefold(), self.size)
            self.created += index == self.size
            self.deleted.discard(index)
            self._indexed = max(self._indexed, index + 1)
        self.edit(index, {**_PLAIN, "userPrincipalName": key, **person, "id": key}, replaces=True)

    def restore(self, key: str) -> None:
        """Give back a generated user; one that was only ever set disappears."""
        self._all_indexed()
        index = self._by_id.get(key.casefold())
        if index is None:
            return
        before = frozenset(self.user(index))
        if index >= self.users and any(edit.replaces for edit in self.edits.get(index, ())):
            self.deleted.add(index)
        else:
            self.deleted.discard(index)
            self.edits.pop(index, None)
        self.changes.append(Change(index, before | self.user(index).keys()))

    def restore_all(self) -> None:
        """Give back the generated users."""
        for index in {*self.edits, *self.deleted}:
            self.restore(self.user(index)["id"])

    def restore_synced(self) -> None:
        """Give back what Active Directory masters of the users that come from there."""
        for index, edits in self.edits.items():
            if self.user(index).get("onPremisesSyncEnabled") and not edits[-1].replaces:
                names = frozenset().union(*(edit.properties for edit in edits))
                edits.clear()
                self.changes.append(Change(index, names))

    def remove(self, index: int) -> None:
        """Delete a user."""
        self.deleted.add(index)
        self.changes.append(Change(index))

    def reset(self, users: int) -> None:
        """Reset to a number of unchanged users; delta links stay valid."""
        self.users, self.created, self._indexed = users, 0, 0
        for kept in (self.deleted, self.versions, self.edits, self._by_id):
            kept.clear()

    def change(self, create: int, update: int, delete: int) -> None:
        """Create, update and delete users, each recorded for delta queries."""
        there = self.indices()
        for index in there[:update]:
            self.versions[index] = self.versions.get(index, 0) + 1
            self.changes.append(Change(index))
        for index in there[len(there) - delete :] if delete else []:
            self.remove(index)
        for _ in range(create):
            self.changes.append(Change(self.size))
            self.created += 1

    def settled(self) -> int:
        """Return the number of changes that delta knows by now."""
        now = time.monotonic()
        late = (at for at, change in enumerate(self.changes) if change.visible_at > now)
        return next(late, len(self.changes))

    def created_since(self, change: int) -> set[int]:
        """Return the indices of the users that were created by this change or a later one."""
        made = {c.index for c in self.changes[change:] if c.index >= self.users}
        return made - {c.index for c in self.changes[:change]}
