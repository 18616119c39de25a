"""Microsoft Identity through MSAL: tokens for the partner tenant and for customers.

MSAL blocks, so every call runs in a thread. Tokens and credentials are never logged.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NotRequired, TypedDict

import jwt
from pydantic import TypeAdapter, with_config

from adapters.credentials import Credential, Credentials
from adapters.entra_refusals import (
    BAD_CREDENTIAL,
    DelegatedAccessRefused,
    codes_of,
    delegated_refusal_of,
    refusal_of,
)
from adapters.msal_clients import NONSENSE, Client, ClientCache, open_client, run_msal
from adapters.schema import STRICT, Count, Malformed, Token, check
from adapters.secrets import Secret
from domain.errors import MicrosoftRefused, MicrosoftUnavailable, StorageUnavailable
from domain.identifiers import MspId, ObjectId, TenantId, is_guid
from domain.msp import Msp
from domain.tenant import Tenant

_MOST_TOKENS = 10_000
# A token is replaced this long before it expires.
_AHEAD = timedelta(minutes=5)
# A new refresh token from Entra is stored once a day at most, since the previous one stays valid.
_ROTATED_AFTER = timedelta(days=1)

_log = logging.getLogger(__name__)

# The token's owner (the MSP, its app, and its service account if the token is delegated), and the
# tenant and the resource that it is for.
type _Key = tuple[MspId, str | None, str | None, TenantId, str]


@with_config(STRICT)
class _Issued(TypedDict):
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow ."""

    access_token: Token
    refresh_token: NotRequired[Token | None]
    expires_in: NotRequired[Count]


class TokenSource:
    """Gets Microsoft Graph tokens as an MSP's partner app, and caches each while it is valid.

    Args:
        authority: URL of Microsoft Entra ID without a tenant.
        graph: URL of Microsoft Graph without a version: the resource that tokens are for.
    """

    def __init__(self, authority: str, graph: str, credentials: Credentials) -> None:
        self.authority, self.graph, self.credentials = authority, graph, credentials
        self._clients = ClientCache()
        self._tokens: dict[_Key, tuple[datetime, str]] = {}
        self._rotating: dict[str, asyncio.Lock] = {}

    async def app_token(self, msp: Msp, tid: TenantId, *, fresh: bool = False) -> str:
        """Return an app-only token for the tenant.

        Args:
            fresh: Whether to drop cached tokens first, so that new permissions take effect.

        Raises:
            ConsentRequired: The app has no consent in the tenant, or does not have it yet.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: Microsoft Identity does not answer.
        """
        key = (msp.msp_id, msp.app.client_id, None, tid, self.graph)
        if kept := self._kept(key, fresh=fresh):
            return kept

        def ask(client: Client) -> Any:
            return client.acquire_token_for_client(scopes=[f"{self.graph}/.default"])

        issued = self._issued(msp, tid, await self._ask(msp, tid, ask, fresh=fresh))
        return self._keep(key, issued)

    async def delegated_token(
        self, msp: Msp, tid: TenantId, *, resource: str | None = None, fresh: bool = False
    ) -> str:
        """Return a token of the MSP's service account for a customer tenant, under GDAP.

        The refresh token is read only when it has to be redeemed.

        Args:
            resource: URL of the API that the token is for; Microsoft Graph by default.
            fresh: Whether to drop cached tokens first.

        Raises:
            DelegatedConsentMissing: The partner app has no consent in the tenant.
            DelegatedAccessRefused: There is no relationship or no access, or a policy blocks it.
            MicrosoftRefused: The app's credential is refused.
            MicrosoftUnavailable: Microsoft Identity does not answer.
            StorageUnavailable: The secret store does not answer, and a token is needed.
        """
        name = msp.app.service_account
        audience = resource or self.graph
        key = (msp.msp_id, msp.app.client_id, name, tid, audience)
        if kept := self._kept(key, fresh=fresh):
            return kept
        used = await self._refresh_token(name)

        def ask(client: Client) -> Any:
            scopes = [f"{audience}/.default"]
            return client.acquire_token_by_refresh_token(used.value, scopes=scopes)

        result = await self._ask(msp, tid, ask, fresh=fresh)
        issued = self._issued(msp, tid, result, delegated=True)
        await self._rotate(name, used, issued.get("refresh_token"))
        return self._keep(key, issued)

    async def tenant_token(self, msp: Msp, tenant: Tenant, *, fresh: bool = False) -> str:
        """Return the token for a tenant: app-only for the partner tenant, else delegated.

        Raises:
            As `app_token` and `delegated_token`.
        """
        get = self.app_token if tenant.is_own_msp_tenant else self.delegated_token
        return await get(msp, tenant.tenant_id, fresh=fresh)

    def _kept(self, key: _Key, *, fresh: bool) -> str | None:
        if fresh:
            self._tokens.pop(key, None)
        until, token = self._tokens.get(key, (None, ""))
        return token if until and until > self.credentials.clock.now() else None

    def _keep(self, key: _Key, issued: _Issued) -> str:
        if len(self._tokens) >= _MOST_TOKENS:
            self._tokens.clear()
        life = timedelta(seconds=issued.get("expires_in", 0))
        self._tokens[key] = (self.credentials.clock.now() + life - _AHEAD, issued["access_token"])
        return issued["access_token"]

    async def _rotate(self, name: str, used: Secret, rotated: str | None) -> None:
        """Store a new refresh token if the stored one is old and is still the one that was used.

        The previous token stays valid, so nothing is lost if a new one is not stored.
        """
        if not rotated or rotated == used.value or not self._is_old(used):
            return
        secrets = self.credentials.secrets
        async with self._rotating.setdefault(name, asyncio.Lock()):
            try:
                await secrets.replace(name, used, rotated)
            except (StorageUnavailable, LookupError):
                _log.warning("a new refresh token could not be stored; the previous one is kept")

    def _is_old(self, secret: Secret) -> bool:
        if secret.stored_at is None:
            return True
        return self.credentials.clock.now() - secret.stored_at > _ROTATED_AFTER

    async def _refresh_token(self, name: str) -> Secret:
        try:
            return await self.credentials.secrets.read(name)
        except LookupError:
            raise DelegatedAccessRefused(
                "The MSP's service account is not set up: sign it in and store its refresh token."
            ) from None

    async def _ask(
        self, msp: Msp, tid: TenantId, ask: Callable[[Client], Any], *, fresh: bool
    ) -> dict[str, Any]:
        """Return Entra's answer; if it refuses the credential, try once with the newest one."""
        if fresh:
            self._clients.drop(msp, tid)
        credential = await self.credentials.get(msp.app, newest=fresh)
        result = await self._ask_with(credential, msp, tid, ask)
        if BAD_CREDENTIAL.isdisjoint(codes_of(result)):
            return result
        newest = await self.credentials.get(msp.app, newest=True)
        if newest == credential:
            return result
        return await self._ask_with(newest, msp, tid, ask)

    async def _ask_with(
        self, credential: Credential, msp: Msp, tid: TenantId, ask: Callable[[Client], Any]
    ) -> dict[str, Any]:
        client = self._clients.get(msp, tid, credential)
        if client is None:
            client = self._clients.keep(msp, tid, credential, await self._new(credential, msp, tid))
        result = await run_msal(ask, client)
        if not isinstance(result, dict):
            raise MicrosoftUnavailable(NONSENSE)
        return result

    async def _new(self, credential: Credential, msp: Msp, tid: TenantId) -> Client:
        if msp.app.client_id is None:
            raise MicrosoftRefused("The MSP's partner app is not registered yet.")
        return await open_client(f"{self.authority}/{tid}", msp.app.client_id, credential)

    def _issued(
        self, msp: Msp, tid: TenantId, result: dict[str, Any], *, delegated: bool = False
    ) -> _Issued:
        """Return the tokens in MSAL's answer, or raise the error that Entra's refusal means."""
        if "access_token" in result:
            try:
                return check(_issued_schema(), result)
            except Malformed as fault:
                self._clients.drop(msp, tid)
                raise MicrosoftUnavailable(f"{NONSENSE} ({fault})") from None
        refusal = (delegated and delegated_refusal_of(result)) or refusal_of(result)
        if not isinstance(refusal, MicrosoftUnavailable):
            # MSAL caches a refusal for a minute, which would hide a consent that was just given.
            self._clients.drop(msp, tid)
        raise refusal


@cache
def _issued_schema() -> TypeAdapter[_Issued]:
    return TypeAdapter(_Issued)


def roles_of(token: str) -> frozenset[str]:
    """Return the application permissions in a token for Graph.

    Graph validates the token; here its claims are read for diagnosis only.
    """
    roles = _claims(token).get("roles")
    found = roles if isinstance(roles, list) else []
    return frozenset(role for role in found if isinstance(role, str))


def scopes_of(token: str) -> frozenset[str]:
    """Return the delegated permissions in a token for Graph.

    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    scopes = _claims(token).get("scp")
    return frozenset(scopes.split()) if isinstance(scopes, str) else frozenset()


def object_id_of(token: str) -> ObjectId | None:
    """Return the object ID of the account or app that a token is for, or None without one."""
    found = _claims(token).get("oid")
    return ObjectId(found.lower()) if isinstance(found, str) and is_guid(found) else None


def _claims(token: str) -> dict[str, Any]:
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return {}
