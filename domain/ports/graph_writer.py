"""Changing a tenant at Microsoft Graph. Only `core.operations` may do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.msp import Msp
from domain.tenant import Tenant


@dataclass(frozen=True, slots=True)
class GraphWrite:
    """A request that changes something.

    Args:
        method: `POST`, `PATCH`, `PUT` or `DELETE`.
        path: Below /v1.0.
        body: A JSON object; None for a request without a body.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """Microsoft has made the change."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Microsoft has not made the change, and would not if it were asked again.

    Args:
        code: Graph's error code; it has the form of one, and no text for people.
        request_id: Graph's ID of the request, which Microsoft's support asks for.
    """

    status: int
    code: str
    request_id: str | None = None

    @property
    def is_denied(self) -> bool:
        """Whether Graph denies access: to the app, to the account, or to this object."""
        return self.status in {401, 403}


@dataclass(frozen=True, slots=True)
class Throttled:
    """Microsoft has not made the change, and asks to wait this many seconds."""

    retry_after: float


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """There is no answer, or one of a gateway: nobody knows whether the change was made."""

    why: str


type WriteAnswer = Applied | Refused | Throttled | AnswerLost


class GraphWriter(Protocol):
    """Reads and changes single objects of a tenant, with the token that it requires.

    Both methods raise ConsentRequired, TenantNotManageable, MicrosoftRefused, StorageUnavailable
    or MicrosoftUnavailable if there is no token; then no request was sent.
    """

    async def read(self, msp: Msp, tenant: Tenant, path: str) -> Mapping[str, Any] | None:
        """Return an object as it is now, or None if there is none.

        Raises:
            MicrosoftUnavailable: Graph does not answer, or asks to wait.
            MicrosoftError: Graph refuses.
        """
        ...

    async def write(self, msp: Msp, tenant: Tenant, write: GraphWrite) -> WriteAnswer:
        """Send a change, in one attempt; only one that Graph rejects unread is sent again."""
        ...
