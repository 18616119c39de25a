"""Entra's public signing keys: fetched once, refreshed when a token names an unknown one."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import jwt

from domain.errors import MicrosoftUnavailable
from domain.ports import Clock

_FRESH = timedelta(hours=24)
# A flood of made-up key IDs must not become a flood of requests to Microsoft.
_PAUSE = timedelta(seconds=5)
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class EntraKeys:
    """The keys at `{authority}/common/discovery/v2.0/keys`, cached.

    Args:
        authority: Microsoft Entra ID, without a tenant.
    """

    def __init__(self, authority: str, clock: Clock) -> None:
        self._url = f"{authority}/common/discovery/v2.0/keys"
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at: datetime | None = None
        self._lock: asyncio.Lock | None = None

    async def key(self, kid: str) -> Any | None:
        """Return the RSA public key with the ID, or None when Entra has none.

        Raises:
            MicrosoftUnavailable: There are no keys yet, and Entra does not answer.
        """
        if self._is_stale(kid):
            self._lock = self._lock or asyncio.Lock()
            async with self._lock:
                if self._is_stale(kid):
                    await self._refresh()
        return self._keys.get(kid)

    def _is_stale(self, kid: str) -> bool:
        if self._fetched_at is None:
            return True
        age = self._clock.now() - self._fetched_at
        return age > _FRESH or (kid not in self._keys and age > _PAUSE)

    async def _refresh(self) -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(self._url) as response,
            ):
                response.raise_for_status()
                document = await response.json()
            self._keys = dict(_signing_keys(document))
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            if not self._keys:
                raise MicrosoftUnavailable("Microsoft's signing keys cannot be had.") from error
        self._fetched_at = self._clock.now()


def _signing_keys(document: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (key.key_id, key.key)
        for key in jwt.PyJWKSet.from_dict(document).keys
        if key.key_type == "RSA" and key.key_id
    ]
