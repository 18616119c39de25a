"""Sign-in by device code: the codes, the page where a person enters one, and the tokens.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

import base64
import html
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local import sample_data
from local.microsoft.accounts import SignInAccount, accounts
from local.microsoft.answers import entra_error
from local.microsoft.state import App, Microsoft
from local.microsoft.tokens import SigningKeys, lifetime

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# Microsoft Graph Command Line Tools, which is in every tenant.
GRAPH_COMMAND_LINE = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<style>body{{font:16px system-ui;margin:4rem auto;max-width:26rem}}</style>
<h1>Enter the code</h1><form method="post"><p><input name="code" autofocus>
<p><select name="account">{accounts}</select>
<p><button name="action" value="decline">Cancel</button>
<button name="action" value="accept">Sign in</button></form></html>"""


@dataclass(slots=True)
class Flow:
    """A sign-in that somebody has started."""

    tid: str
    client_id: str
    scope: str
    ends: float
    user_code: str = field(default_factory=lambda: secrets.token_hex(4).upper())
    polled: float = 0
    declined: bool = False
    account: SignInAccount | None = None


class DeviceCodes:
    """The routes of the device code flow."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys
        self._flows: dict[str, Flow] = {}  # device code → flow
        self._interval, self._expires_in = 5, 900

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_put("/_control/devicecodes", self._set)
        app.router.add_post("/{tid}/oauth2/v2.0/devicecode", self._start)
        app.router.add_get("/devicelogin", self._page)
        app.router.add_post("/devicelogin", self._enter)

    async def _set(self, request: web.Request) -> web.Response:
        """Set the interval and the lifetime of codes, in seconds."""
        body = await request.json()
        self._interval = body.get("interval", self._interval)
        self._expires_in = body.get("expiresIn", self._expires_in)
        return web.Response(status=204)

    async def _start(self, request: web.Request) -> web.Response:
        form, tid = await request.post(), request.match_info["tid"].lower()
        client_id = str(form.get("client_id", ""))
        if tid not in self._microsoft.tenants:
            return entra_error(90002, "invalid_request", "Tenant not found.")
        if client_id != GRAPH_COMMAND_LINE and client_id not in self._microsoft.apps:
            return entra_error(700016, "unauthorized_client", "Application not found.")
        device_code = secrets.token_urlsafe(64)
        flow = Flow(tid, client_id, str(form.get("scope", "")), time.time() + self._expires_in)
        self._flows[device_code] = flow
        uri = f"{self._microsoft.origin}/devicelogin"
        message = f"To sign in, use a web browser to open the page {uri} and enter the code "
        return web.json_response(
            {
                "user_code": flow.user_code,
                "device_code": device_code,
                "verification_uri": uri,
                "expires_in": self._expires_in,
                "interval": self._interval,
                "message": f"{message}{flow.user_code} to authenticate.",
            }
        )

    async def _page(self, _request: web.Request) -> web.Response:
        options = "".join(f"<option>{html.escape(name)}</option>" for name in sorted(accounts()))
        return web.Response(text=_PAGE.format(accounts=options), content_type="text/html")

    async def _enter(self, request: web.Request) -> web.Response:
        """Complete a sign-in as one of the accounts, or decline it."""
        form = await request.post()
        code = str(form.get("code", "")).strip().upper()
        flow = next((one for one in self._flows.values() if one.user_code == code), None)
        account = accounts().get(str(form.get("account", "")))
        if flow is None or account is None or time.time() > flow.ends:
            return web.Response(status=400, text="That code did not work.")
        if form.get("action") == "decline":
            flow.declined = True
            return web.Response(text="You declined.")
        if refusal := self._refusal(flow, account):
            return web.Response(status=400, text=refusal)
        flow.account = account
        return web.Response(text="You have signed in. You may now close this window.")

    def _refusal(self, flow: Flow, account: SignInAccount) -> str | None:
        if flow.tid not in (account.home, *account.guest_of):
            return "AADSTS50020: the account does not exist in the tenant."
        if flow.client_id == GRAPH_COMMAND_LINE:
            return None if account.is_admin else "AADSTS90094: an administrator must consent."
        if (flow.client_id, flow.tid) not in self._microsoft.consents:
            return "AADSTS65001: nobody has consented to the application."
        return None

    def redeem(
        self, form: dict[str, str], refusal: Callable[[App], web.Response | None]
    ) -> web.Response:
        """Answer a request for the tokens of a device code.

        Args:
            refusal: Returns the error response to an app without a valid credential.
        """
        flow = self._flows.get(form.get("device_code", ""))
        if flow is None or flow.client_id != form.get("client_id"):
            return entra_error(70018, "bad_verification_code", "The device code is not known.")
        if waiting := self._waiting(flow):
            return waiting
        if refused := self._client_refusal(flow, form, refusal):
            return refused
        del self._flows[form["device_code"]]
        return self._issue(flow)

    def _waiting(self, flow: Flow) -> web.Response | None:
        """Return the error response while nobody has signed in."""
        now, before = time.time(), flow.polled
        flow.polled = now
        if now > flow.ends:
            return entra_error(70019, "expired_token", "The device code has expired.")
        if flow.declined:
            return entra_error(70017, "authorization_declined", "The person declined.")
        if now - before < self._interval - 1:
            return entra_error(70016, "slow_down", "Polling is too frequent.")
        if flow.account is None:
            return entra_error(70016, "authorization_pending", "Nobody has entered the code yet.")
        return None

    def _client_refusal(
        self, flow: Flow, form: dict[str, str], refusal: Callable[[App], web.Response | None]
    ) -> web.Response | None:
        """Return the error response to a client whose credential does not suit its kind."""
        has_credential = bool(form.keys() & {"client_secret", "client_assertion"})
        app = self._microsoft.apps.get(flow.client_id)
        if app is None or app.is_public:
            message = "Client is public so neither 'client_assertion' nor 'client_secret' fits."
            return entra_error(700025, "invalid_client", message, 401) if has_credential else None
        if not has_credential:
            message = "The request body must contain 'client_assertion' or 'client_secret'."
            return entra_error(7000218, "invalid_client", message, 401)
        return refusal(app)

    def _issue(self, flow: Flow) -> web.Response:
        account, refresh_token = flow.account, secrets.token_urlsafe(64)
        if account is None:
            raise ValueError("nobody has signed in")
        if flow.client_id in self._microsoft.apps:
            self._microsoft.refresh_tokens[refresh_token] = flow.client_id
        info = json.dumps({"uid": account.oid, "utid": account.home}).encode()
        return web.json_response(
            {
                "token_type": "Bearer",
                "expires_in": 3599,
                "access_token": self._keys.sign(self._claims(flow, account)),
                "refresh_token": refresh_token,
                "id_token": self._keys.sign(self._id_claims(flow, account)),
                "client_info": base64.urlsafe_b64encode(info).decode().rstrip("="),
            }
        )

    def _claims(self, flow: Flow, account: SignInAccount) -> dict[str, Any]:
        scopes = " ".join(word.rpartition("/")[2] for word in flow.scope.split() if "://" in word)
        if flow.client_id != GRAPH_COMMAND_LINE:
            scopes = " ".join(sample_data.PERMISSIONS)
        return {
            "aud": self._microsoft.origin,
            "iss": f"https://sts.windows.net/{flow.tid}/",
            "tid": flow.tid,
            "appid": flow.client_id,
            "oid": account.oid,
            "scp": scopes,
            "ver": "1.0",
            **lifetime(),
        }

    def _id_claims(self, flow: Flow, account: SignInAccount) -> dict[str, Any]:
        return {
            "iss": f"{self._microsoft.origin}/{flow.tid}/v2.0",
            "aud": flow.client_id,
            "sub": account.oid,
            "oid": account.oid,
            "tid": flow.tid,
            "preferred_username": account.user_name,
            **lifetime(),
        }
