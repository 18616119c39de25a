"""Sign-in by device code: a person signs in on any device, and this process gets the tokens.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code

MSAL has this flow for public clients only. The OAuth client in each of its applications has it for
all of them, and adds the credential of a confidential one: docs/decisions/0041.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, NotRequired, TypedDict

from msal import ClientApplication
from pydantic import Field, StringConstraints, TypeAdapter, with_config

from adapters.entra_refusals import sign_in_refusal_of
from adapters.msal_clients import NONSENSE, run_msal
from adapters.schema import STRICT, Guid, Malformed, PrincipalName, Token, check
from domain.errors import MicrosoftRefused, MicrosoftUnavailable
from domain.identifiers import ObjectId, TenantId

# Without them Entra returns neither who signed in nor a refresh token.
_ABOUT_THE_PERSON = ("openid", "profile", "offline_access")
_WAITING = {"authorization_pending", "slow_down"}

type _Shown = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")
]
type _Seconds = Annotated[int, Field(strict=True, ge=0, le=3600)]


@dataclass(frozen=True, slots=True)
class Account:
    """Who signed in.

    Args:
        tenant_id: The tenant that they signed in to.
        home_tenant_id: The tenant that the account belongs to: another one if it is a guest.
    """

    tenant_id: TenantId
    object_id: ObjectId
    home_tenant_id: TenantId
    user_name: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account with its tokens."""

    account: Account
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


@with_config(STRICT)
class _Started(TypedDict):
    user_code: _Shown
    device_code: Token
    verification_uri: _Shown
    expires_in: _Seconds
    interval: _Seconds


@with_config(STRICT)
class _Claims(TypedDict):
    """https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference ."""

    tid: Guid
    oid: Guid
    preferred_username: PrincipalName


@with_config(STRICT)
class _Home(TypedDict):
    utid: Guid


@with_config(STRICT)
class _Issued(TypedDict):
    access_token: Token
    refresh_token: NotRequired[Token | None]
    id_token_claims: _Claims
    client_info: Token


async def sign_in(
    client: ClientApplication,
    scopes: Sequence[str],
    show: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> SignedIn:
    """Let a person sign in with a code; return who they are, with tokens for the scopes.

    It can be cancelled at any time: between two requests nothing runs.

    Args:
        client: The app that they sign in to, at the authority of the tenant.
        show: Shows the address and the code to the person.

    Raises:
        MicrosoftRefused: Nobody signed in, or Entra refuses the app or the person.
        MicrosoftUnavailable: Microsoft Identity does not answer.
    """
    scope = [*scopes, *_ABOUT_THE_PERSON]
    flow = await run_msal(client.client.initiate_device_flow, scope=scope)
    started = _checked(_started_schema(), "device_code", flow)
    # MSAL would poll in its thread forever if there were no interval.
    flow["interval"] = max(1, started["interval"])
    show(f"Open {started['verification_uri']} and enter the code {started['user_code']}")
    try:
        async with asyncio.timeout(started["expires_in"]):
            return _signed_in(await _poll(client, flow, sleep))
    except TimeoutError:
        raise sign_in_refusal_of({"error": "expired_token"}) from None


async def _poll(
    client: ClientApplication, flow: dict[str, Any], sleep: Callable[[float], Awaitable[None]]
) -> Any:
    """Return Entra's answer once it is no longer that the person has not signed in yet."""
    while True:
        await sleep(flow["interval"])  # MSAL makes it longer if Entra asks to slow down.
        try:
            result = await run_msal(
                client.client.obtain_token_by_device_flow,
                flow,
                exit_condition=lambda _flow: True,
                data={"code": flow["device_code"]},
            )
        except MicrosoftUnavailable:
            continue  # The code stays valid until it expires.
        if not isinstance(result, dict) or result.get("error") not in _WAITING:
            return result


def _checked[T](schema: TypeAdapter[T], proof: str, result: Any) -> T:
    """Return Entra's answer, or raise the error that its refusal means.

    Args:
        proof: A property that only a positive answer has.
    """
    if isinstance(result, dict) and proof not in result:
        raise sign_in_refusal_of(result)
    try:
        return check(schema, result)
    except Malformed as fault:
        raise MicrosoftUnavailable(f"{NONSENSE} ({fault})") from None


def _signed_in(result: Any) -> SignedIn:
    issued = _checked(_issued_schema(), "access_token", result)
    claims = issued["id_token_claims"]
    account = Account(
        tenant_id=TenantId(claims["tid"]),
        object_id=ObjectId(claims["oid"]),
        home_tenant_id=_home(issued["client_info"]),
        user_name=claims["preferred_username"],
    )
    return SignedIn(account, issued["access_token"], issued.get("refresh_token"))


def _home(client_info: str) -> TenantId:
    """Return the account's home tenant, which Entra names beside the tokens."""
    try:
        text = base64.urlsafe_b64decode(client_info + "=" * (-len(client_info) % 4))
        return TenantId(check(_home_schema(), json.loads(text))["utid"])
    except (ValueError, RecursionError, Malformed):
        raise MicrosoftRefused(
            "Microsoft Identity does not say where the account is from."
        ) from None


@cache
def _started_schema() -> TypeAdapter[_Started]:
    return TypeAdapter(_Started)


@cache
def _issued_schema() -> TypeAdapter[_Issued]:
    return TypeAdapter(_Issued)


@cache
def _home_schema() -> TypeAdapter[_Home]:
    return TypeAdapter(_Home)
