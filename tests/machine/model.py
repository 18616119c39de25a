"""The expected state: a separate, simple implementation of the rules for an MSP's tenants."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.gdap import GdapRelationship, RelationshipState
from domain.identifiers import TenantId
from tests.samples import MSP

ZONE = ZoneInfo(MSP.time_zone)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ModelTenant:
    """A tenant's row."""

    own: bool = False
    status: str = "active"
    lost: bool = False
    offboarded_at: datetime | None = None

    @property
    def counts(self) -> bool:
        return not self.own and self.status == "active" and not self.lost


@dataclass(slots=True)
class ModelMsp:
    """An MSP: its tenants, when tenants were removed, and each customer's active days."""

    home: TenantId
    tenants: dict[TenantId, ModelTenant] = field(default_factory=dict)
    removed: dict[TenantId, datetime] = field(default_factory=dict)
    active: dict[TenantId, set[date]] = field(default_factory=dict)

    def pass_time(self, since: datetime, by: timedelta) -> None:
        for key, tenant in self.tenants.items():
            if tenant.counts:
                self.active.setdefault(key, set()).update(days_between(since, since + by))

    def active_days(self) -> dict[TenantId, Counter[str]]:
        return {key: by_month(days) for key, days in self.active.items() if days}

    def step(self, key: TenantId, name: str, now: datetime) -> int:
        """Take a step of the lifecycle; return the status code that the route must return."""
        tenant = self.tenants.get(key)
        if tenant is None:
            return 404
        if tenant.own:
            return 403
        sources, target = {
            "suspend": ({"active"}, "suspended"),
            "resume": ({"suspended"}, "active"),
            "offboard": ({"active", "suspended"}, "offboarded"),
            "reactivate": ({"offboarded"}, "active"),
        }[name]
        if tenant.status not in sources:
            return 409
        tenant.status = target
        tenant.offboarded_at = now if target == "offboarded" else None
        return 200

    def hard_delete(self, key: TenantId, now: datetime) -> int:
        if key not in self.tenants:
            return 404
        if self.tenants[key].own:
            return 403
        del self.tenants[key]
        self.removed[key] = now
        return 204

    def enable(self) -> int:
        known = self.tenants.get(self.home)
        self.tenants[self.home] = ModelTenant(own=True)
        if known is not None and not known.own:
            self.active.pop(self.home, None)  # usage that was not invoiced is never billed
        return 201 if known is None else 200

    def disable(self, now: datetime) -> int:
        if self.home not in self.tenants or not self.tenants[self.home].own:
            return 404
        del self.tenants[self.home]
        self.removed[self.home] = now
        return 200

    def poll(self, key: TenantId, found: list[GdapRelationship], pending: str | None) -> None:
        """Reconcile a customer's relationships; `pending` is the one of the app's own invite."""
        tenant = self.tenants.get(key)
        if (tenant and tenant.own) or (tenant is None and key == self.home):
            return
        live = [r for r in found if r.state is RelationshipState.ACTIVE]
        if tenant is None:
            removed = self.removed.get(key, _LONG_AGO)
            if any(r.relationship_id == pending or r.created_at > removed for r in live):
                self.tenants[key] = ModelTenant()
        elif tenant.status == "offboarded":
            if any(_later(r, tenant) for r in live):
                self.tenants[key] = ModelTenant()
        elif live:
            tenant.lost = False
        elif any(r.state is RelationshipState.ENDED for r in found):
            tenant.lost = True


def days_between(since: datetime, until: datetime) -> set[date]:
    """Return the days, where the MSP is, of which any part lies in [since, until)."""
    if until <= since:
        return set()
    first, last = since.astimezone(ZONE), (until - timedelta.resolution).astimezone(ZONE)
    count = (last.date() - first.date()).days + 1
    return {first.date() + timedelta(days=number) for number in range(count)}


def by_month(days: Iterable[date]) -> Counter[str]:
    """Return the number of days in each month: what is billed."""
    return Counter(f"{day:%Y-%m}" for day in days)


def _later(relationship: GdapRelationship, tenant: ModelTenant) -> bool:
    accepted, offboarded = relationship.activated_at, tenant.offboarded_at
    return accepted is not None and offboarded is not None and accepted > offboarded
