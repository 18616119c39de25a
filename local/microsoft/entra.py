"""Entra ID: discovery, keys, tokens, and the admin-consent page."""

import base64
import hmac
import html
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import Certificate

from local import sample_data
from local.microsoft.answers import entra_error as _refused
from local.microsoft.device_codes import GRANT, DeviceCodes
from local.microsoft.state import App, Microsoft
from local.microsoft.tenant import Tenant
from local.microsoft.tokens import SigningKeys, lifetime

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>Permissions requested</title>
<style>body{{font:16px system-ui;background:#f2f2f2}}main{{max-width:26rem;margin:4rem auto;
padding:2rem;background:#fff;box-shadow:0 2px 6px #0003}}button{{padding:.5rem 2rem}}</style>
<main><h1>Permissions requested</h1><p><b>{app}</b> asks, for all of <b>{tenant}</b>:</p>
<ul>{permissions}</ul><form method="post">{hidden}
<button name="action" value="decline">Cancel</button>
<button name="action" value="accept">Accept</button></form></main></html>"""
_NOBODY_SIGNS_IN = (
    "AADSTS900561: nobody signs in on a page here; `python -m local token` issues the token."
)
_DECLINED = "AADSTS65004: User declined to consent to access the app."


class Entra:
    """Routes of the simulated Entra ID."""

    def __init__(self, microsoft: Microsoft, keys: SigningKeys) -> None:
        self._microsoft, self._keys = microsoft, keys
        self._devices = DeviceCodes(microsoft, keys)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        self._devices.add_to(app)
        app.router.add_get("/{tid}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tid}/discovery/v2.0/keys", self._key_set)
        app.router.add_get("/{tid}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_post("/{tid}/oauth2/v2.0/token", self._token)
        app.router.add_get("/{tid}/v2.0/adminconsent", self._consent_page)
        app.router.add_post("/{tid}/v2.0/adminconsent", self._consent)

    async def _configuration(self, request: web.Request) -> web.Response:
        base = f"{self._microsoft.origin}/{request.match_info['tid']}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _key_set(self, _request: web.Request) -> web.Response:
        return web.json_response(self._keys.document())

    async def _authorize(self, _request: web.Request) -> web.Response:
        """Explain how people sign in here. MSAL needs the address, but nothing requests it."""
        return web.Response(status=400, text=_NOBODY_SIGNS_IN)

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        tenant = self._microsoft.tenants.get(request.match_info["tid"].lower())
        app = self._microsoft.apps.get(form.get("client_id", ""))
        if tenant is None:
            return _refused(90002, "invalid_request", "Tenant not found.")
        if form.get("grant_type") == GRANT:
            return self._devices.redeem(form, lambda app: self._refusal(app, form, request.path))
        if app is None:
            return _refused(700016, "unauthorized_client", "Application not found.")
        return self._refusal(app, form, request.path) or self._granted(app, tenant, form)

    def _granted(self, app: App, tenant: Tenant, form: dict[str, str]) -> web.Response:
        if form.get("grant_type") == "client_credentials":
            return self._app_token(app, tenant)
        if form.get("grant_type") == "refresh_token":
            return self._delegated_token(app, tenant, form)
        return _refused(70003, "unsupported_grant_type", "The grant type is not supported.")

    def _refusal(self, app: App, form: dict[str, str], path: str) -> web.Response | None:
        """Return the error response to an app without a valid credential."""
        secret, assertion = form.get("client_secret"), form.get("client_assertion", "")
        if secret is not None:
            good = hmac.compare_digest(secret.encode(), app.secret.encode())
            code, message = 7000215, "Invalid client secret provided."
            if good and app.secret_is_expired:
                good, code, message = False, 7000222, "The client secret has expired."
        elif _issuer(assertion) == app.client_id:
            good = self._is_authentic(app, assertion, path)
            code, message = 700027, "The assertion is not valid."
        else:
            good = self._is_trusted(app, assertion)
            code, message = 700213, "No matching federated identity record found."
        return None if good else _refused(code, "invalid_client", message, 401)

    def _is_trusted(self, app: App, assertion: str) -> bool:
        """Return whether the assertion is a token of the app's trusted issuer and of its tenant.

        Entra's own tokens are valid only for apps of the tenant that issued them (AADSTS700236).
        """
        trust = app.trust or self._microsoft.service_trust()
        try:
            claims = self._keys.read(assertion, trust.audience)
        except jwt.PyJWTError:
            return False
        is_trusted = (claims["iss"], claims["sub"]) == (trust.issuer, trust.subject)
        return is_trusted and claims["tid"] == app.home

    def _is_authentic(self, app: App, assertion: str, path: str) -> bool:
        """Return whether the client assertion is signed with one of the app's certificates."""
        return any(
            self._is_signed(app, certificate, assertion, path) for certificate in app.certificates
        )

    def _is_signed(self, app: App, certificate: Certificate, assertion: str, path: str) -> bool:
        try:
            claims = jwt.decode(
                assertion,
                certificate.public_key(),  # type: ignore[arg-type]  # the seed's keys are RSA
                algorithms=["RS256", "PS256"],
                audience=f"{self._microsoft.origin}{path}",
            )
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError:
            return False
        # MSAL leaves the padding on.
        named = str(header.get("x5t#S256") or header.get("x5t")).rstrip("=")
        return claims["sub"] == app.client_id and named in _thumbprints(certificate)

    def _app_token(self, app: App, tenant: Tenant) -> web.Response:
        consent = self._microsoft.consents.get((app.client_id, tenant.tenant_id))
        stage = consent.stage(datetime.now(UTC)) if consent else "unknown"
        if stage == "unknown":
            message = "Application was not found in the directory."
            return _refused(700016, "unauthorized_client", message)
        # A consent to delegated permissions gives the app itself none.
        has_roles = stage == "complete" and consent is not None and consent.scopes is None
        roles = sorted(set(sample_data.PERMISSIONS) - tenant.revoked) if has_roles else []
        claims: dict[str, Any] = {"idtyp": "app", "appidacr": "2"}
        if roles:
            claims["roles"] = roles
        return self._issue(app, tenant, claims)

    def _delegated_token(self, app: App, tenant: Tenant, form: dict[str, str]) -> web.Response:
        if self._microsoft.refresh_tokens.get(form.get("refresh_token", "")) != app.client_id:
            return _refused(70008, "invalid_grant", "The refresh token is not valid.")
        is_home = tenant.tenant_id == app.home
        if not is_home and not self._microsoft.relationships.roles(app.home, tenant.tenant_id):
            # The same error if there is no relationship, no access assignment or no membership.
            return _refused(50020, "invalid_grant", "The account does not exist in the tenant.")
        if tenant.wants_mfa:
            return _refused(50076, "invalid_grant", "You must use multi-factor authentication.")
        consent = self._microsoft.consents.get((app.client_id, tenant.tenant_id))
        scopes = consent.delegated(datetime.now(UTC)) if consent else None
        if scopes is None:
            message = "The user or administrator has not consented to use the application."
            return _refused(65001, "invalid_grant", message)
        claims = {"scp": " ".join(scopes)}
        if f"{self._microsoft.origin}{sample_data.PARTNER_CENTER}/" in form.get("scope", ""):
            audience = self._microsoft.origin + sample_data.PARTNER_CENTER
            claims = {"scp": "user_impersonation", "aud": audience}
        rotated = secrets.token_urlsafe(32)
        # As at Entra, the previous token stays valid: two workers may redeem it at once.
        self._microsoft.refresh_tokens[rotated] = app.client_id
        account = {"uid": sample_data.fixed_id(f"account/{app.client_id}"), "utid": app.home}
        extra = {
            "refresh_token": rotated,
            "client_info": _base64(str(account).replace("'", '"').encode()),
            "id_token": self._id_token(app, account),
        }
        if is_home:
            claims["oid"] = account["uid"]
        return self._issue(app, tenant, claims, extra)

    def _id_token(self, app: App, account: dict[str, str]) -> str:
        claims = {
            "iss": f"{self._microsoft.origin}/{app.home}/v2.0",
            "aud": app.client_id,
            "sub": account["uid"],
            "oid": account["uid"],
            "tid": app.home,
            "preferred_username": f"service@{app.msp.own.domain}",
            **lifetime(),
        }
        return self._keys.sign(claims)

    def _issue(
        self,
        app: App,
        tenant: Tenant,
        claims: dict[str, Any],
        extra: dict[str, str] | None = None,
    ) -> web.Response:
        token = self._keys.sign(
            {
                "aud": self._microsoft.origin,
                "iss": f"https://sts.windows.net/{tenant.tenant_id}/",
                "tid": tenant.tenant_id,
                "appid": app.client_id,
                "oid": sample_data.fixed_id(f"principal/{app.client_id}/{tenant.tenant_id}"),
                "ver": "1.0",
                **lifetime(),
                **claims,
            }
        )
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
        return web.json_response({**answer, **(extra or {})})

    async def _consent_page(self, request: web.Request) -> web.Response:
        asked = self._asked(request)
        if isinstance(asked, str):
            return web.Response(status=400, text=asked)
        app, tenant = asked
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in request.query.items()
        )
        names = _delegated(request.query["scope"]) or sample_data.PERMISSIONS
        permissions = "".join(f"<li>{html.escape(name)}</li>" for name in sorted(names))
        page = _PAGE.format(
            app=html.escape(f"{app.msp.name} partner app"),
            tenant=html.escape(tenant.display_name),
            permissions=permissions,
            hidden=hidden,
        )
        return web.Response(text=page, content_type="text/html")

    def _asked(self, request: web.Request) -> tuple[App, Tenant] | str:
        """Return the app that asks for consent and the tenant, or what is wrong with the link."""
        app = self._microsoft.apps.get(request.query.get("client_id", ""))
        tenant = self._microsoft.tenants.get(request.match_info["tid"].lower())
        redirect = urlsplit(request.query.get("redirect_uri", ""))
        if app is None or tenant is None:
            return "AADSTS700016: the application or the tenant is unknown."
        if redirect.hostname not in {"127.0.0.1", "localhost"} or redirect.path != (
            "/consent/callback"
        ):
            return "AADSTS50011: the redirect URI is not registered."
        if not request.query.get("scope"):
            return "AADSTS900144: the parameter scope is missing."
        return app, tenant

    async def _consent(self, request: web.Request) -> web.Response:
        asked = self._asked(request)
        if isinstance(asked, str):
            return web.Response(status=400, text=asked)
        app, tenant = asked
        form = await request.post()
        answer = {"admin_consent": "True", "state": request.query.get("state", "")}
        if form.get("action") == "accept":
            seconds, scopes = tenant.propagation_seconds, _delegated(request.query["scope"])
            self._microsoft.consent(app.client_id, tenant.tenant_id, seconds, scopes)
            answer |= {"tenant": tenant.tenant_id, "scope": request.query["scope"]}
        else:
            answer |= {"error": "consent_required", "error_description": _DECLINED}
        location = f"{request.query['redirect_uri']}?{urlencode(answer)}"
        return web.Response(status=302, headers={"Location": location})


def _delegated(scope: str) -> frozenset[str] | None:
    """Return the delegated permissions that a page's `scope` names; None for `/.default`.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    names = frozenset(name.rsplit("/", 1)[-1] for name in scope.split())
    return None if ".default" in names else names


def _issuer(assertion: str) -> str | None:
    """Return the issuer that an assertion names."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return claims.get("iss")


def _thumbprints(certificate: Certificate) -> set[str]:
    return {
        _base64(certificate.fingerprint(hashes.SHA1())),  # noqa: S303  Entra's older x5t
        _base64(certificate.fingerprint(hashes.SHA256())),
    }


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
