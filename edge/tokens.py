"""Bearer tokens: their validation, and the claims that are read from them.

https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens
"""

import logging
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import Any, Protocol

import jwt

from domain.errors import MalformedInput, Unauthenticated
from domain.identifiers import ObjectId, TenantId, parse_guid

SCOPE = "access_as_user"  # this API exposes it, see docs/deployment.md
_log = logging.getLogger(__name__)
_LEEWAY_SECONDS = 30
_REMEMBERED = 10_000
_REQUIRED = ["exp", "nbf", "iat", "iss", "aud", "tid", "oid", "ver"]


class SigningKeys(Protocol):
    """Microsoft Entra ID's public signing keys."""

    async def key(self, kid: str) -> Any | None:
        """Return the RSA public key with the ID, or None if Entra has none.

        Raises:
            MicrosoftUnavailable: The keys are not available.
        """
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """The person that a verified token identifies."""

    tid: TenantId
    oid: ObjectId


@dataclass(frozen=True, slots=True)
class _Verified:
    """The result of a token's verification.

    Args:
        kid: The ID of the signing key.
        key: The key itself.
        expires_at: The token's `exp`, in seconds since 1970.
    """

    person: Person
    kid: str
    key: Any
    expires_at: int


class TokenVerifier:
    """Verifies delegated v2.0 access tokens for this API.

    A token's signature and claims are verified once. Its expiry, and whether Entra still has the
    key, are checked at each use.

    Args:
        keys: The source of the signing keys; URLs in the token are never used.
        authority: URL of Microsoft Entra ID without a tenant: the first part of the issuer.
        audience: Client ID of this API.
    """

    def __init__(self, keys: SigningKeys, authority: str, audience: str) -> None:
        self._keys, self._authority, self._audience = keys, authority, audience
        self._verified: dict[bytes, _Verified] = {}

    async def verify(self, authorization: str | None) -> Person:
        """Return the person that the `Authorization` header identifies.

        Raises:
            Unauthenticated: The token is not trusted; only the log contains the reason.
            MicrosoftUnavailable: The signing keys are not available.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is required.")
        try:
            return await self._verify(token.strip())
        except (jwt.PyJWTError, MalformedInput, ValueError, TypeError) as error:
            _log.info("token refused: %s", type(error).__name__)
            raise Unauthenticated("The bearer token is not valid for this API.") from None

    async def _verify(self, token: str) -> Person:
        digest = sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None or not await self._still_holds(known):
            self._verified.pop(digest, None)
            known = await self._verify_all(token)
            if len(self._verified) >= _REMEMBERED:
                self._verified.clear()
            self._verified[digest] = known
        return known.person

    async def _still_holds(self, known: _Verified) -> bool:
        """Return whether a verified token has not expired, and Entra still has its key.

        Each fetch of Entra's keys makes new objects, so tokens are then verified again.
        """
        is_current = known.expires_at > time() - _LEEWAY_SECONDS
        return is_current and await self._keys.key(known.kid) is known.key

    async def _verify_all(self, token: str) -> _Verified:
        kid = jwt.get_unverified_header(token).get("kid")
        key = await self._keys.key(kid) if isinstance(kid, str) else None
        if key is None or not isinstance(kid, str):
            raise jwt.InvalidKeyError
        claims = jwt.decode(
            token,
            key,
            # Only one algorithm: `none` and HS256 keyed with the public key are known attacks.
            algorithms=["RS256"],
            audience=self._audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED, "strict_aud": True},
        )
        return _Verified(self._person(claims), kid, key, int(claims["exp"]))

    def _person(self, claims: dict[str, Any]) -> Person:
        tid = parse_guid(str(claims["tid"]), "tid")
        oid = parse_guid(str(claims["oid"]), "oid")
        if claims["iss"] != f"{self._authority}/{tid}/v2.0" or claims["ver"] != "2.0":
            raise jwt.InvalidIssuerError
        if claims.get("idtyp") == "app" or SCOPE not in str(claims.get("scp")).split():
            # An app-only token identifies no person, whatever its oid. A token that was issued
            # for another scope than this API's is not valid either.
            raise jwt.InvalidTokenError
        return Person(TenantId(tid), ObjectId(oid))
