"""Who did something, as all routes return it."""

from domain.audit import Actor
from edge.models import ApiModel


class ActorAnswer(ApiModel):
    """Who did it."""

    kind: str
    tid: str | None
    oid: str | None
    name: str | None

    @classmethod
    def of(cls, actor: Actor) -> "ActorAnswer":
        """Return an actor's answer."""
        return cls(kind=actor.kind, tid=actor.tid, oid=actor.oid, name=actor.name)
