"""Microsoft Identity through MSAL: tokens for the partner tenant and for customers.

MSAL blocks, so every call runs in a thread. Tokens and credentials are never logged.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import msal
import requests
from azure.core.exceptions import AzureError

from adapters.credentials import Credential, Credentials
from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable
from domain.identifiers import TenantId
from domain.msp import Msp

# No service principal (yet), or no consent (yet).
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_NO_CONSENT = {700016, 7000229, 65001}
_BUSY = {90055, 90033, 50196}
# A client secret that is wrong or has expired, an assertion that no certificate vouches for, and a
# certificate that has expired or was revoked.
_BAD_CREDENTIAL = {7000215, 7000222, 700027, 1000502, 7000274, 7000214, 7000277}
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
# What MSAL raises for a status of 500 and above, no connection, and JSON of another shape; and what
# the managed identity does.
_NO_ANSWER = (
    msal.exceptions.MsalError,
    requests.RequestException,
    AzureError,
    *(AttributeError, KeyError, TypeError, ValueError),
)
_TIMEOUT_SECONDS = 5
_MOST_CLIENTS = 2000

type _Client = msal.ConfidentialClientApplication


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
    credentials: Credentials
    _clients: "ClientCache"

    @classmethod
    def over(cls, authority: str, graph: str, credentials: Credentials) -> "TokenSource":
        """Return a source with an empty cache."""
        return cls(authority, graph, credentials, ClientCache())

    async def app_token(self, msp: Msp, tid: TenantId, *, fresh: bool = False) -> str:
        """Return an app-only token for the tenant.

        Args:
            fresh: Whether to drop cached tokens first, so that new permissions show.

        Raises:
            ConsentRequired: The app has no consent in the tenant, or not yet.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: No answer.
        """

        def ask(client: _Client) -> Any:
            return client.acquire_token_for_client(scopes=self._scopes)

        return self._token(msp, tid, await self._ask(msp, tid, ask, fresh=fresh))

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
        name = msp.app.service_account
        refresh_token = await self._refresh_token(name)

        def ask(client: _Client) -> Any:
            cached = _cached(client, self._scopes)
            if cached:
                return {"access_token": cached}
            return client.acquire_token_by_refresh_token(refresh_token, scopes=self._scopes)

        result = await self._ask(msp, tid, ask, fresh=fresh)
        rotated = result.get("refresh_token")
        if rotated and rotated != refresh_token:
            await self.credentials.secrets.set(name, rotated)
        return self._token(msp, tid, result, delegated=True)

    @property
    def _scopes(self) -> list[str]:
        return [f"{self.graph}/.default"]

    async def _refresh_token(self, name: str) -> str:
        try:
            return (await self.credentials.secrets.read(name)).value
        except LookupError:
            raise DelegatedAccessRefused(
                "The MSP's service account is not set up: sign it in and store its refresh token."
            ) from None

    async def _ask(
        self, msp: Msp, tid: TenantId, ask: Callable[[_Client], Any], *, fresh: bool
    ) -> dict[str, Any]:
        """Return Entra's answer; a credential that it refuses gives way once to the newest."""
        if fresh:
            self._clients.drop(msp, tid)
        credential = await self.credentials.get(msp.app, newest=fresh)
        result = await self._ask_with(credential, msp, tid, ask)
        if not _codes(result) & _BAD_CREDENTIAL:
            return result
        newest = await self.credentials.get(msp.app, newest=True)
        if newest == credential:
            return result
        return await self._ask_with(newest, msp, tid, ask)

    async def _ask_with(
        self, credential: Credential, msp: Msp, tid: TenantId, ask: Callable[[_Client], Any]
    ) -> dict[str, Any]:
        client = self._clients.get(msp, tid, credential)
        if client is None:
            client = self._clients.keep(msp, tid, credential, await self._new(credential, msp, tid))
        result: dict[str, Any] = await _run(ask, client)
        return result

    async def _new(self, credential: Credential, msp: Msp, tid: TenantId) -> _Client:
        return await _run(
            msal.ConfidentialClientApplication,
            msp.app.client_id,
            client_credential=credential.msal,
            authority=f"{self.authority}/{tid}",
            # The authority is our own setting, so there is nobody to ask whether it is one.
            instance_discovery=False,
            timeout=_TIMEOUT_SECONDS,
        )

    def _token(
        self, msp: Msp, tid: TenantId, result: dict[str, Any], *, delegated: bool = False
    ) -> str:
        """Return the token of MSAL's answer, or raise what Entra's refusal means."""
        if "access_token" in result:
            return str(result["access_token"])
        refusal = (delegated and _delegated_refusal(result)) or _refusal(result)
        if not isinstance(refusal, MicrosoftUnavailable):
            # MSAL repeats a refusal for a minute without asking, which would hide a consent that
            # has just been given.
            self._clients.drop(msp, tid)
        raise refusal


class ClientCache:
    """MSAL's clients, one an app and tenant, each with its token cache; bounded."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], tuple[Credential, _Client]] = {}
        self._lock = threading.Lock()

    def get(self, msp: Msp, tid: TenantId, credential: Credential) -> _Client | None:
        """Return the client of an app and tenant, if one with this credential is kept."""
        known = self._clients.get((msp.app.client_id, tid))
        return known[1] if known and known[0] == credential else None

    def keep(self, msp: Msp, tid: TenantId, credential: Credential, client: _Client) -> _Client:
        """Keep a client, and return the one with this credential that is kept."""
        with self._lock:
            known = self.get(msp, tid, credential)
            if known:
                return known
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[msp.app.client_id, tid] = (credential, client)
            return client

    def drop(self, msp: Msp, tid: TenantId) -> None:
        """Forget a client with its tokens and all that it remembers of Entra's answers."""
        with self._lock:
            self._clients.pop((msp.app.client_id, tid), None)


async def _run(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call MSAL in a thread; what it raises is an Entra that fails or answers nonsense."""
    try:
        result = await asyncio.to_thread(function, *args, **kwargs)
    except _NO_ANSWER as error:
        raise MicrosoftUnavailable("Microsoft Identity does not answer.") from error
    return result


def _cached(client: _Client, scopes: list[str]) -> str | None:
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
    if codes & {50072, 50074, 50076, 50079, 50158}:
        return "Conditional Access asks the service account for MFA: sign it in again with MFA."
    if codes & {53000, 53001, 53002, 53003}:
        return "Conditional Access blocks the service account: exclude it or allow its location."
    if codes & {50057}:
        return "The service account is disabled: enable it and sign it in again."
    if codes & {50078, 50173, 70008, 70043, 700082}:
        return "The service account's sign-in has expired: sign it in again."
    if codes & _NO_CONSENT:
        return (
            "The partner app has no consent in the customer's tenant: have an administrator of the"
            " customer consent to it."
        )
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
