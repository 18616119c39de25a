"""What can be done with a tenant, as routes return it."""

from core.readiness import Readiness, ReadinessState
from edge.models import ApiModel


class ReadinessAnswer(ApiModel):
    """A capability at a tenant: whether it can be used, and what it lacks."""

    name: str
    state: ReadinessState
    missing: list[str]

    @classmethod
    def of(cls, readiness: Readiness) -> "ReadinessAnswer":
        """Return a capability's answer."""
        return cls(name=readiness.name, state=readiness.state, missing=list(readiness.missing))
