"""Microsoft Identity through MSAL: tokens for the partner tenant and for customers.

MSAL blocks, so every call runs in a thread. Tokens and credentials are never logged.
"""

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import jwt
import msal
import requests
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from adapters.secrets import Secrets
from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.msp import Msp

# No service principal (yet), or no consent (yet).
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_NO_CONSENT = {700016, 7000229, 65001}
_BUSY = {90055, 90033, 50196}
# Entra's words for a sign-in that has to be made anew, or that a policy stops.
_GRANT_REFUSED = {"invalid_grant", "interaction_required"}
# Errors of OAuth that are the app's own to put right (RFC 6749, 5.2).
_REFUSALS = {
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "unauthorized_client",
}
# What MSAL raises for a status of 500 and above, no connection, and JSON of another shape.
_NO_ANSWER = (
    msal.exceptions.MsalError,
    requests.RequestException,
    *(AttributeError, KeyError, TypeError, ValueError),
)
_TIMEOUT_SECONDS = 5
_MOST_CLIENTS = 2000


class DelegatedAccessRefused(Exception):
    """Entra gives the service account no token for a customer; the text says what to do."""


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Gets Microsoft Graph tokens as an MSP's partner app.

    Args:
        authority: Microsoft Entra ID, without a tenant.
        graph: Microsoft Graph, without a version: the resource that tokens are for.
    """

    authority: str
    graph: str
    secrets: Secrets
    _clients: "ClientCache"

    @classmethod
    def over(cls, authority: str, graph: str, secrets: Secrets) -> "TokenSource":
        """Return a source with an empty cache."""
        return cls(authority, graph, secrets, ClientCache())

    async def app_token(self, msp: Msp, tid: TenantId, *, fresh: bool = False) -> str:
        """Return an app-only token for the tenant.

        Args:
            fresh: Whether to drop cached tokens first, so that new permissions show.

        Raises:
            ConsentRequired: The app has no consent in the tenant, or not yet.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: No answer.
        """
        if fresh:
            self._clients.drop(msp, tid)
        client = await self._client(msp, tid)
        scopes = [f"{self.graph}/.default"]
        result = await _run(client.acquire_token_for_client, scopes=scopes)
        return self._token(msp, tid, result)

    async def delegated_token(self, msp: Msp, tid: TenantId, *, fresh: bool = False) -> str:
        """Return a token of the MSP's service account for a customer tenant, under GDAP.

        Entra may return a new refresh token; it is stored before the access token is used.

        Args:
            fresh: Whether to drop cached tokens first.

        Raises:
            DelegatedAccessRefused: No relationship, no access, or a policy in the way.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: No answer.
        """
        if fresh:
            self._clients.drop(msp, tid)
        name = msp.app.service_account
        refresh_token = await self._refresh_token(name)
        client = await self._client(msp, tid)
        scopes = [f"{self.graph}/.default"]
        cached = await _run(_cached, client, scopes)
        if cached:
            return str(cached)
        result = await _run(client.acquire_token_by_refresh_token, refresh_token, scopes=scopes)
        rotated = result.get("refresh_token")
        if rotated and rotated != refresh_token:
            await self.secrets.set(name, rotated)
        return self._token(msp, tid, result, delegated=True)

    async def _refresh_token(self, name: str) -> str:
        try:
            return await self.secrets.get(name)
        except LookupError:
            raise DelegatedAccessRefused(
                "The MSP's service account is not set up: sign it in and store its refresh token."
            ) from None

    async def _client(self, msp: Msp, tid: TenantId) -> msal.ConfidentialClientApplication:
        known = self._clients.get(msp, tid)
        if known:
            return known
        try:
            credential = _credential(await self.secrets.get(msp.app.credential))
        except (LookupError, ValueError):
            raise MicrosoftRefused("The partner app's credential is missing or damaged.") from None
        client = await _run(
            msal.ConfidentialClientApplication,
            msp.app.client_id,
            client_credential=credential,
            authority=f"{self.authority}/{tid}",
            # The authority is our own setting, so there is nobody to ask whether it is one.
            instance_discovery=False,
            timeout=_TIMEOUT_SECONDS,
        )
        return self._clients.keep(msp, tid, client)

    def _token(
        self, msp: Msp, tid: TenantId, result: dict[str, Any], *, delegated: bool = False
    ) -> str:
        """Return the token of MSAL's answer, or raise what Entra's refusal means."""
        if "access_token" in result:
            return str(result["access_token"])
        refusal = (delegated and _delegated_refusal(result)) or _refusal(result)
        if not isinstance(refusal, MicrosoftUnavailable):
            # MSAL repeats a refusal for a minute without asking, which would hide a consent that
            # has just been given; and its client never reads a replaced certificate.
            self._clients.drop(msp, tid)
        raise refusal


class ClientCache:
    """MSAL's clients, one an app and tenant, each with its token cache; bounded."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], msal.ConfidentialClientApplication] = {}
        self._lock = threading.Lock()

    def get(self, msp: Msp, tid: TenantId) -> msal.ConfidentialClientApplication | None:
        """Return the client of an app and tenant, if it is kept."""
        return self._clients.get((msp.app.client_id, tid))

    def keep(
        self, msp: Msp, tid: TenantId, client: msal.ConfidentialClientApplication
    ) -> msal.ConfidentialClientApplication:
        """Keep a client, and return the one that is kept."""
        with self._lock:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            return self._clients.setdefault((msp.app.client_id, tid), client)

    def drop(self, msp: Msp, tid: TenantId) -> None:
        """Forget a client with its tokens and all that it remembers of Entra's answers."""
        with self._lock:
            self._clients.pop((msp.app.client_id, tid), None)


def _credential(secret: str) -> str | dict[str, str]:
    """Return MSAL's form of a credential: a certificate in PEM, or a client secret.

    Raises:
        ValueError: The PEM lacks a key or a certificate that can be read.
    """
    if "-----BEGIN" not in secret:
        return secret.strip()
    load_pem_private_key(secret.encode(), password=None)
    certificate = load_pem_x509_certificate(secret.encode()).public_bytes(Encoding.PEM)
    return {"private_key": secret, "public_certificate": certificate.decode()}


async def _run(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call MSAL in a thread; what it raises is an Entra that fails or answers nonsense."""
    try:
        result = await asyncio.to_thread(function, *args, **kwargs)
    except _NO_ANSWER as error:
        raise MicrosoftUnavailable("Microsoft Identity does not answer.") from error
    return result


def _cached(client: msal.ConfidentialClientApplication, scopes: list[str]) -> str | None:
    for account in client.get_accounts():
        result = client.acquire_token_silent(scopes, account=account)
        if result and "access_token" in result:
            return str(result["access_token"])
    return None


def _codes(result: dict[str, Any]) -> set[int]:
    return set(result.get("error_codes") or ())


def _refusal(result: dict[str, Any]) -> Exception:
    """Return what Entra's refusal means; it is told by its code, never by its text."""
    codes, error = _codes(result), result.get("error")
    if codes & _NO_CONSENT:
        return ConsentRequired("The partner app has no admin consent in this tenant.")
    if codes & _BUSY or error not in _REFUSALS:
        return MicrosoftUnavailable("Microsoft Identity is busy or does not make sense.")
    return MicrosoftRefused("Microsoft Identity refuses the partner app's credential.")


def _delegated_refusal(result: dict[str, Any]) -> DelegatedAccessRefused | None:
    codes = _codes(result)
    if result.get("error") in _GRANT_REFUSED or codes & _NO_CONSENT:
        return DelegatedAccessRefused(_advice(codes))
    return None


def _advice(codes: set[int]) -> str:
    if codes & {50076, 50079}:
        return "Conditional Access asks the service account for MFA: sign it in again with MFA."
    if codes & {53003}:
        return "Conditional Access blocks the service account: exclude it or allow its location."
    if codes & {70008, 50173, 700082, 50078}:
        return "The service account's sign-in has expired: sign it in again."
    if codes & _NO_CONSENT:
        return "The partner app is not known in the customer's tenant: accept the invite anew."
    return (
        "No GDAP access: see that the customer has accepted the invite, and that the service"
        " account is in a security group that has access."
    )


def roles_of(token: str) -> frozenset[str]:
    """Return the application permissions that a token for Graph claims.

    The token is Graph's to validate; here its claims are read as a diagnosis alone.
    """
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return frozenset()
    return frozenset(claims.get("roles") or ())
