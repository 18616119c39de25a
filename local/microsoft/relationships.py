"""GDAP relationships at Microsoft: what partner and customer agreed, and the resulting access.

https://learn.microsoft.com/partner-center/customers/gdap-introduction
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_LIVE = {"active", "expiring", "terminationRequested"}


@dataclass(slots=True)
class Relationships:
    """Every partner's relationships.

    Args:
        owners: The partner's own tenant, by relationship.
        members: Groups that the partner's service account is a member of, by the partner's tenant.
        assignment_seconds: How long an access assignment takes to become active.
    """

    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    assignments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    assignment_seconds: float = 0

    def add(
        self,
        home: str,
        body: dict[str, Any],
        identity: str | None = None,
        made_at: datetime | None = None,
    ) -> dict[str, Any]:
        """Store a new relationship of a partner."""
        made = stamp(made_at or datetime.now(UTC))
        identity = identity or secrets.token_hex(16)
        self.by_id[identity] = {
            "@odata.etag": new_etag(),
            "id": identity,
            "autoExtendDuration": "PT0S",
            **body,
            "status": "created",
            "createdDateTime": made,
            "lastModifiedDateTime": made,
            "activatedDateTime": None,
            "endDateTime": None,
        }
        self.assignments[identity] = []
        self.owners[identity] = home
        return self.by_id[identity]

    def of(self, home: str) -> list[dict[str, Any]]:
        """Return a partner's relationships in their current state."""
        return [self.read(key) for key, owner in self.owners.items() if owner == home]

    def read(self, identity: str) -> dict[str, Any]:
        """Return a relationship; after its end time it has expired."""
        relationship = self.by_id[identity]
        if relationship["status"] in _LIVE and relationship["endDateTime"] <= stamp(_now()):
            self.set_status(identity, "expired")
        return relationship

    def accept(self, identity: str, at: datetime | None = None) -> None:
        """Accept a relationship as the customer's admin."""
        at = at or _now()
        days = int(self.by_id[identity]["duration"].strip("PD"))
        self.set_status(identity, "active")
        self.by_id[identity] |= {
            "activatedDateTime": stamp(at),
            "endDateTime": stamp(at + timedelta(days=days)),
        }

    def end(self, identity: str, status: str) -> None:
        """End a relationship, with all of its assignments."""
        self.set_status(identity, status)
        self.by_id[identity]["endDateTime"] = stamp(_now())
        self.assignments[identity].clear()

    def set_status(self, identity: str, status: str) -> None:
        """Set a relationship's status."""
        self.by_id[identity] |= {
            "status": status,
            "lastModifiedDateTime": stamp(_now()),
            "@odata.etag": new_etag(),
        }

    def assign(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """Store a new access assignment, which becomes active after a delay."""
        assignment = {
            "@odata.etag": new_etag(),
            "id": secrets.token_hex(8),
            "status": "pending",
            "createdDateTime": stamp(_now()),
            "lastModifiedDateTime": stamp(_now()),
            **body,
        }
        self.assignments[identity].append(assignment)
        return assignment

    def assignments_of(self, identity: str) -> list[dict[str, Any]]:
        """Return the access assignments in their current state."""
        settled = stamp(_now() - timedelta(seconds=self.assignment_seconds))
        for assignment in self.assignments[identity]:
            if assignment["status"] == "pending" and assignment["lastModifiedDateTime"] <= settled:
                assignment["status"] = "active"
        return self.assignments[identity]

    def is_customer(self, home: str, customer: str) -> bool:
        """Return whether a partner has a relationship with a customer now."""
        return any(
            relationship["customer"]["tenantId"] == customer and relationship["status"] in _LIVE
            for relationship in self.of(home)
        )

    def roles(self, home: str, customer: str) -> set[str]:
        """Return the roles that the partner's service account has in a customer tenant now."""
        return {
            role["roleDefinitionId"]
            for relationship in self.of(home)
            if relationship["customer"]["tenantId"] == customer and relationship["status"] in _LIVE
            for assignment in self.assignments_of(relationship["id"])
            if assignment["status"] == "active"
            and assignment["accessContainer"]["accessContainerId"] in self.members.get(home, set())
            for role in assignment["accessDetails"]["unifiedRoles"]
        }


def stamp(moment: datetime) -> str:
    """Return a time in Graph's format."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_etag() -> str:
    """Return an ETag that was never used before."""
    return f'W/"{secrets.token_hex(8)}"'


def _now() -> datetime:
    return datetime.now(UTC)
