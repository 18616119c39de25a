"""Signing keys and tokens of the simulated Entra ID."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_LIFETIME = 3599


class SigningKeys:
    """The RSA keys that tokens are signed with; the newest key signs."""

    def __init__(self) -> None:
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()

    def rotate(self) -> str:
        """Add a key that signs from now on; return its ID."""
        kid = uuid4().hex
        self._keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return kid

    @property
    def newest(self) -> str:
        """The ID of the key that signs."""
        return list(self._keys)[-1]

    def document(self) -> dict[str, Any]:
        """Return the public keys as a JWK set."""
        keys = []
        for kid, key in self._keys.items():
            jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append({**jwk, "kid": kid, "use": "sig"})
        return {"keys": keys}

    def sign(self, claims: dict[str, Any], algorithm: str = "RS256", kid: str | None = None) -> str:
        """Return a token; `none` and `HS256` forge one as an attacker would."""
        headers = {"kid": kid or self.newest}
        if algorithm == "HS256":
            return _signed_with_public_key(claims, headers, self._keys[self.newest])
        key = self._keys[self.newest] if algorithm == "RS256" else None
        return jwt.encode(claims, key or "", algorithm=algorithm, headers=headers)

    def read(self, token: str, audience: str | list[str]) -> dict[str, Any]:
        """Return the claims of a token that these keys signed.

        Raises:
            jwt.PyJWTError: It is not such a token, or not for the audience, or expired.
        """
        kid = jwt.get_unverified_header(token).get("kid", "")
        key = self._keys.get(kid)
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(token, key.public_key(), algorithms=["RS256"], audience=audience)


def _signed_with_public_key(
    claims: dict[str, Any], headers: dict[str, str], key: rsa.RSAPrivateKey
) -> str:
    """Return a token whose HMAC key is the public key: an algorithm confusion attack."""
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = ({"typ": "JWT", "alg": "HS256", **headers}, claims)
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return (signed + b"." + _encoded(hmac.new(pem, signed, hashlib.sha256).digest())).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def lifetime(seconds: int = _LIFETIME) -> dict[str, int]:
    """Return the time claims of a token that is issued now."""
    now = int(time.time())
    return {"iat": now, "nbf": now - 5, "exp": now + seconds}
