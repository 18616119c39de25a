"""The credentials of the MSPs' partner apps: chosen per MSP, and rotated without a restart.

A credential is either the app's own managed identity, which the partner app trusts (there is no
secret), or a secret in Key Vault. The secret's content shows whether it is a certificate with its
key or a client secret.
"""

import asyncio
import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, override

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

from adapters.secrets import Secret, Secrets
from domain.errors import MicrosoftRefused, StorageUnavailable
from domain.msp import Msp, PartnerApp
from domain.ports.clock import Clock
from domain.ports.credentials import Credentials as CredentialsPort

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential

REMEMBERED = timedelta(minutes=5)
_PKCS12 = "application/x-pkcs12"
# How long an answer to a person waits for Key Vault.
_PATIENCE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential in MSAL's form; two are equal if they are the same credential.

    Args:
        expires_at: When it expires; None if it does not or that is not known.
    """

    msal: str | dict[str, Any] = field(repr=False)
    expires_at: datetime | None = None


class ManagedIdentity:
    """The app's user-assigned managed identity, which partner apps can trust.

    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    """

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    @cached_property
    def _credential(self) -> "ManagedIdentityCredential":
        from azure.identity import ManagedIdentityCredential  # noqa: PLC0415  slow to load

        return ManagedIdentityCredential(client_id=self._client_id)

    def assertion(self) -> str:
        """Return a token that proves the app's identity to the partner app; cached while valid.

        Raises:
            AzureError: No token can be obtained.
        """
        return str(self._credential.get_token("api://AzureADTokenExchange/.default").token)


class Credentials(CredentialsPort):
    """Reads credentials, and caches each of them.

    Args:
        identity: The app's managed identity, if it has one.
        remembered: A new version is in use at most this long after it was stored.
    """

    def __init__(
        self,
        secrets: Secrets,
        clock: Clock,
        identity: ManagedIdentity | None = None,
        remembered: timedelta = REMEMBERED,
    ) -> None:
        self.secrets = secrets
        self.clock, self._identity, self._remembered = clock, identity, remembered
        self._known: dict[str, tuple[datetime, Credential]] = {}
        self._ends: dict[str, tuple[datetime, datetime | None]] = {}

    async def get(self, app: PartnerApp, *, newest: bool = False) -> Credential:
        """Return an app's credential.

        Args:
            newest: Whether to read it even if it is cached.

        Raises:
            MicrosoftRefused: It is missing or damaged.
            StorageUnavailable: Key Vault does not answer, and nothing is cached.
        """
        if app.credential is None:
            return self._federated()
        now, known = self.clock.now(), self._known.get(app.credential)
        if known and not newest and known[0] > now:
            return known[1]
        try:
            credential = _read(await self.secrets.read(app.credential))
        except StorageUnavailable:
            if known and not newest:
                return known[1]  # It is probably still valid; Entra refuses it if it is not.
            raise
        except (LookupError, ValueError, TypeError, UnsupportedAlgorithm):
            # A TypeError means that the key is protected by a password.
            raise MicrosoftRefused("The partner app's credential is missing or damaged.") from None
        self._known[app.credential] = (now + self._remembered, credential)
        return credential

    def _federated(self) -> Credential:
        if self._identity is None:
            raise MicrosoftRefused("There is no managed identity that the partner app could trust.")
        return Credential({"client_assertion": self._identity.assertion})

    @override
    async def expires_at(self, msp: Msp) -> datetime | None:
        """Return when the MSP's credential expires, or None if it does not or is not known.

        It never fails. The result is cached, whether Key Vault answered or not.
        """
        name = msp.app.credential
        if name is None:
            return None
        now, known = self.clock.now(), self._ends.get(name)
        if known is None or known[0] <= now:
            known = (now + self._remembered, await self._end(msp.app))
            self._ends[name] = known
        return known[1]

    async def _end(self, app: PartnerApp) -> datetime | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return (await self.get(app)).expires_at
        except (MicrosoftRefused, StorageUnavailable, TimeoutError):
            return None


def _read(secret: Secret) -> Credential:
    """Return MSAL's form of a secret: a certificate with its key, or a client secret.

    Raises:
        ValueError: It has no readable key or certificate.
    """
    if secret.content_type == _PKCS12:
        return _certificate(_pem(secret.value), secret.expires_at)
    if "-----BEGIN" in secret.value:
        return _certificate(secret.value, secret.expires_at)
    return Credential(secret.value.strip(), secret.expires_at)


def _certificate(pem: str, expires_at: datetime | None) -> Credential:
    certificate = load_pem_x509_certificate(pem.encode())
    public = certificate.public_bytes(Encoding.PEM).decode()
    ends = [end for end in (certificate.not_valid_after_utc, expires_at) if end]
    return Credential({"private_key": _key(pem), "public_certificate": public}, min(ends))


@lru_cache(maxsize=1000)
def _key(pem: str) -> PrivateKeyTypes:
    """Return a key as an object, always the same one, with which MSAL signs directly.

    Given as text, each client would check it again: 57 ms of CPU time for each tenant's token.
    """
    return load_pem_private_key(pem.encode(), password=None)


def _pem(encoded: str) -> str:
    """Convert a certificate with its key from the format of Key Vault's certificates to PEM."""
    key, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(encoded), None)
    if key is None or certificate is None:
        raise ValueError("the certificate or its key is missing")
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode()
