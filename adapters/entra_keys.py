"""Entra's public signing keys: fetched once a day, and when a token names an unknown key."""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import jwt

from adapters.transport import names_proxy
from domain.errors import MicrosoftUnavailable
from domain.ports.clock import Clock

_FRESH = timedelta(hours=24)
# Many tokens with invented key IDs must not cause many requests to Microsoft, nor must many callers
# that wait for a server which does not answer.
_PAUSE = timedelta(seconds=5)
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_MOST_KEYS, _LONGEST_ID = 100, 256
# The errors that PyJWT raises for a key that it cannot read, for example because of its `alg`.
_ODD_KEY = (
    jwt.PyJWTError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    NotImplementedError,
    RecursionError,
)
_UNAVAILABLE = "Microsoft's signing keys cannot be had."

_log = logging.getLogger(__name__)


class EntraKeys:
    """The keys at `{authority}/common/discovery/v2.0/keys`, cached.

    All waiting callers share one fetch. While a fetch is running, a known key is still used.

    Args:
        authority: URL of Microsoft Entra ID without a tenant.
    """

    def __init__(self, authority: str, clock: Clock) -> None:
        self._url = f"{authority}/common/discovery/v2.0/keys"
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> Any | None:
        """Return the RSA public key with the ID, or None when Entra has none.

        Raises:
            MicrosoftUnavailable: There are no keys yet, and Entra does not answer.
        """
        known = self._keys.get(kid)
        if known is None:
            await self._fetched_once()
        elif self._age(self._fetched_at) > _FRESH:
            self._fetch_soon()
        if not self._keys:
            raise MicrosoftUnavailable(_UNAVAILABLE, _PAUSE.total_seconds())
        return self._keys.get(kid)

    async def _fetched_once(self) -> None:
        """Wait for the running fetch, or for a new one."""
        self._fetch_soon()
        if self._fetching is not None:
            # A cancelled caller must not cancel the fetch for the others.
            await asyncio.shield(self._fetching)

    def _fetch_soon(self) -> None:
        if self._fetching is None and self._age(self._tried_at) > _PAUSE:
            self._fetching = asyncio.create_task(self._fetch())

    def _age(self, moment: datetime | None) -> timedelta:
        return self._clock.now() - moment if moment else timedelta.max

    async def _fetch(self) -> None:
        try:
            self._keys = _signing_keys(await self._read()) or self._keys
            self._fetched_at = self._clock.now()
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            _log.warning("Microsoft's signing keys could not be read: %s", type(error).__name__)
        finally:
            self._tried_at, self._fetching = self._clock.now(), None

    async def _read(self) -> Any:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=names_proxy()) as session,
            session.get(self._url) as response,
        ):
            response.raise_for_status()
            return json.loads(await response.read())  # the answer's charset is ignored


def _signing_keys(document: Any) -> dict[str, Any]:
    """Return the RSA keys of a JWK set by their IDs; only keys that cannot be read are left out."""
    keys = document.get("keys") if isinstance(document, dict) else None
    read = [_signing_key(key) for key in keys[:_MOST_KEYS]] if isinstance(keys, list) else []
    return dict(key for key in read if key is not None)


def _signing_key(document: Any) -> tuple[str, Any] | None:
    try:
        key = jwt.PyJWK.from_dict(document)
    except _ODD_KEY as error:
        _log.warning("one of Microsoft's signing keys cannot be read: %s", type(error).__name__)
        return None
    is_named = isinstance(key.key_id, str) and len(key.key_id) <= _LONGEST_ID
    return (str(key.key_id), key.key) if key.key_type == "RSA" and is_named else None
