"""Usage: the stretches of time for which a customer tenant was active."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.identifiers import MspId, TenantId


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of activity, in UTC. `until` is None while it goes on."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TenantUsage:
    """All that is known of a tenant's activity. It outlives the tenant, so it holds the name."""

    msp_id: MspId
    tenant_id: TenantId
    tenant_name: str
    stretches: tuple[Stretch, ...]

    def opened(self, at: datetime) -> "TenantUsage":
        """Return the usage with a stretch that begins now; unchanged when one goes on."""
        if self.stretches and self.stretches[-1].until is None:
            return self
        return replace(self, stretches=(*self.stretches, Stretch(at)))

    def closed(self, at: datetime) -> "TenantUsage":
        """Return the usage with its open stretch ended now; unchanged when none goes on."""
        if not self.stretches or self.stretches[-1].until is not None:
            return self
        return replace(
            self, stretches=(*self.stretches[:-1], replace(self.stretches[-1], until=at))
        )

    def until(self, moment: datetime) -> "TenantUsage":
        """Return the usage up to a moment alone; what is later is not there any more."""
        kept = (
            replace(stretch, until=min(stretch.until or moment, moment))
            for stretch in self.stretches
            if stretch.since < moment
        )
        return replace(self, stretches=tuple(kept))
