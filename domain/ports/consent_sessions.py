"""Consent sessions."""

from typing import Protocol

from domain.consent_session import ConsentSession
from domain.identifiers import SessionHash
from domain.row_changes import Versioned


class ConsentSessions(Protocol):
    """Consent sessions, stored by the hash of their state."""

    async def add(self, session: ConsentSession) -> None:
        """Store a new session."""
        ...

    async def find(self, session: SessionHash) -> Versioned[ConsentSession] | None:
        """Return the session, or None."""
        ...

    async def replace(self, session: ConsentSession, version: str) -> None:
        """Overwrite the session.

        Raises:
            ConcurrentChange: Another writer has changed it since it was read.
        """
        ...
